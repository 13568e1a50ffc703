#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <string>

#include "base/file.h"
#include "base/language.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/terminal.h"
#include "hub/random_model.h"

namespace oko::cli {
namespace {

struct MakeModelOptions {
  CommonOptions common;
  std::string shape;
  std::string out;
  std::uint64_t seed = 1;
};

void make_model(const MakeModelOptions& options) {
  const Interrupt interrupt;
  ProgressBar progress(tr("writing", "пишу"), options.common.quiet);
  std::uint64_t written = 0;
  hub::RandomModelOptions random;
  random.shape = options.shape;
  random.seed = options.seed;
  random.stop = interrupt.token();
  random.progress = [&](std::uint64_t done, std::uint64_t total) {
    written = done;
    progress.update(static_cast<double>(done) / static_cast<double>(total));
  };
  hub::make_random_model(random, options.out);
  progress.clear();
  if (!options.common.quiet) {
    fmt::print(stderr, "{}",
               tr("{}: {} of random weights\n", "{}: {} случайных весов\n", options.out,
                  format_bytes(written)));
  }
}

}  // namespace

void add_bench(CLI::App& app) {
  CLI::App* bench = app.add_subcommand("bench", tr("Measures.", "Измеряет."));
  bench->require_subcommand(1);
  auto options = std::make_shared<MakeModelOptions>();
  CLI::App* command = bench->add_subcommand(
      "make-model", tr("Writes a checkpoint with random weights of a real model's shapes.",
                       "Пишет модель со случайными весами настоящих размеров."));
  command->footer(tr("Example:\n  oko bench make-model qwen3-vl-4b --out /tmp/random-4b",
                     "Пример:\n  oko bench make-model qwen3-vl-4b --out /tmp/random-4b"));
  command->add_option("SHAPE", options->shape, tr("which model", "какая модель"))
      ->required()
      ->check(CLI::IsMember(hub::random_model_shapes()));
  command->add_option("--out", options->out, tr("folder to make", "создаваемая папка"))->required();
  command->add_option("--seed", options->seed, tr("seed of the weights", "зерно весов"))
      ->capture_default_str();
  add_common_options(*command, options->common);
  command->callback([options] { make_model(*options); });
}

}  // namespace oko::cli
