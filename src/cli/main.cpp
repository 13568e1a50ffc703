#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <exception>
#include <sstream>
#include <string>

#include "base/error.h"
#include "base/language.h"
#include "budget/memory_probe.h"
#include "budget/memory_size.h"
#include "cli/commands.h"
#include "cli/terminal.h"
#include "engine/plan.h"
#include "tensor/device.h"

namespace oko::cli {

void add_common_options(CLI::App& command, CommonOptions& options) {
  command.add_flag("--quiet", options.quiet,
                   tr("no progress and no notes", "без индикатора и примечаний"));
  command.add_option("--budget", options.budget,
                     tr("memory that oko may take, weights included, such as 5GB; otherwise what "
                        "oko plan shows",
                        "сколько памяти можно oko вместе с весами, например 5GB; иначе — как "
                        "показывает oko plan"));
}

std::uint64_t budget_of(const CommonOptions& options) {
  if (!options.budget.empty()) return budget::parse_memory_size(options.budget);
  return engine::default_budget(budget::this_system(), budget::make_memory_probe()->status(),
                                tensor::gpu_working_set_bytes());
}

namespace {

/// Of a model that waits for its next line of standard input. Its files stay in the page cache, and
/// loading it again takes milliseconds.
constexpr std::chrono::minutes kIdleTimeout{5};

}  // namespace

std::shared_ptr<engine::ModelHost> make_host(const CommonOptions& options, std::size_t threads,
                                             std::uint64_t beside) {
  engine::HostOptions host;
  host.budget_bytes = budget_of(options);
  host.beside_bytes = engine::runtime_bytes(tensor::on_gpu()) + beside;
  host.threads = threads;
  host.idle_timeout = kIdleTimeout;
  host.probe = budget::make_memory_probe();
  return std::make_shared<engine::ModelHost>(std::move(host));
}

void add_threads_option(CLI::App& command, std::size_t& threads) {
  command
      .add_option("--threads", threads,
                  tr("processor threads; otherwise one a physical core",
                     "потоки процессора; иначе по одному на физическое ядро"))
      ->check(CLI::Range(1, 1024));
}

void add_kv_bits_option(CLI::App& command, int& kv_bits) {
  command
      .add_option("--kv-bits", kv_bits,
                  tr("bits of a number in the KV cache: 8, 16, 32; on a GPU it has 16",
                     "бит на число в KV-кэше: 8, 16, 32; на GPU — 16"))
      ->check(CLI::IsMember({8, 16, 32}))
      ->capture_default_str();
}

void add_languages_option(CLI::App& command, std::vector<std::string>& languages) {
  command
      .add_option("--languages", languages,
                  tr("languages of the text, comma-separated", "языки текста через запятую"))
      ->delimiter(',')
      ->default_str("ru-RU,en-US");
}

namespace {

int report(const Error& error) {
  end_as_broken_pipe();
  say_note(error.what());
  if (!error.hint().empty()) {
    say(fmt::format("{}: {}\n", tr("hint", "подсказка"), printable(error.hint())));
  }
  return exit_status(error.code());
}

int run(int argc, char** argv) {
  CLI::App app(tr("oko sees, reads and describes pictures, locally.",
                  "oko видит, читает и описывает картинки — локально."),
               "oko");
  app.set_version_flag("--version", std::string("oko ") + OKO_VERSION);
  app.require_subcommand(0, 1);
  add_describe(app);
  add_ocr(app);
  add_eval(app);
  add_embed(app);
  add_convert(app);
  add_plan(app);
  add_bench(app);
  // A device that cannot be used is an error before a command does anything.
  app.parse_complete_callback([] { tensor::device(); });
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& success) {
    std::ostringstream text;  // --help, --version
    const int status = app.exit(success, text);
    print(text.str());
    return status;
  } catch (const CLI::ParseError& wrong) {
    const std::string reason = wrong.what();
    return report(Error(
        ErrorCode::kUsage, tr("wrong usage: {}", "неверный вызов: {}", reason),
        tr("see oko --help, or oko COMMAND --help", "см. oko --help или oko КОМАНДА --help")));
  }
  if (app.get_subcommands().empty()) {
    throw Error(ErrorCode::kUsage, tr("no command is given", "не указана команда"),
                tr("see oko --help", "см. oko --help"));
  }
  return 0;
}

}  // namespace
}  // namespace oko::cli

int main(int argc, char** argv) {
  oko::cli::secure_standard_streams();
  try {
    return oko::cli::run(argc, argv);
  } catch (const oko::Error& error) {
    return oko::cli::report(error);
  } catch (const std::exception& error) {
    return oko::cli::report(oko::Error(oko::ErrorCode::kFailed, error.what()));
  }
}
