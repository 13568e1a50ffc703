#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/heap.h"
#include "base/text_escape.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/json_output.h"
#include "cli/pooling_note.h"
#include "cli/terminal.h"
#include "cli/user_language.h"
#include "engine/conversion.h"
#include "hub/model_path.h"

namespace oko::cli {
namespace {

struct Options {
  CommonOptions common;
  std::string source;
  hub::ConvertOptions run;
  bool json = false;
};

/// What was done; --json lists the layers.
std::string text_of(const hub::ConvertReport& report, const hub::ConvertOptions& options) {
  const auto is_quantized = [](const hub::ConvertedLayer& layer) { return layer.quantized; };
  const auto quantized = std::count_if(report.layers.begin(), report.layers.end(), is_quantized);
  double largest = 0;
  for (const hub::ConvertedLayer& layer : report.layers) {
    if (layer.quantized) largest = std::max(largest, layer.relative_error);
  }
  std::string text =
      words("{}: {} bits per weight, {} (was {})\n", "{}: {:бит|бита|бит} на вес, {} (было {})\n",
            one_line(options.destination.string()), Count(report.bits), format_bytes(report.bytes),
            format_bytes(report.source_bytes));
  if (quantized == 0) return text;
  return text + words("{} of {} layers are quantized, with an error of {:.3f} % at most\n",
                      "сжато слоёв: {} из {}, ошибка не больше {:.3f} %\n", quantized,
                      report.layers.size(), 100 * largest);
}

nlohmann::ordered_json json_of(const hub::ConvertReport& report,
                               const hub::ConvertOptions& options) {
  nlohmann::ordered_json layers = nlohmann::ordered_json::array();
  for (const hub::ConvertedLayer& layer : report.layers) {
    layers.push_back({{"name", layer.name},
                      {"shape", layer.shape},
                      {"quantized", layer.quantized},
                      {"source_bytes", layer.source_bytes},
                      {"bytes", layer.bytes},
                      {"relative_error", layer.relative_error}});
  }
  return {{"destination", options.destination.string()},
          {"bits", report.bits},
          {"group_size", report.group_size},
          {"source_bytes", report.source_bytes},
          {"bytes", report.bytes},
          {"layers", layers}};
}

void run(Options& options) {
  configure_heap();
  options.run.source = hub::find_model(options.source);
  const Interrupt interrupt;
  options.run.stop = interrupt.token();
  ProgressBar progress(words("converting", "преобразую"), options.common.quiet);
  options.run.progress = [&](std::uint64_t done, std::uint64_t total) {
    progress.update(static_cast<double>(done) / static_cast<double>(total));
  };
  const hub::ConvertReport report = engine::convert_model(options.run);
  progress.clear();
  if (report.assumed_pooling && !options.common.quiet) say_assumed_pooling(options.run.source);
  if (options.json) {
    print_json(json_of(report, options.run));
  } else if (!options.common.quiet) {
    print(text_of(report, options.run));
  }
}

}  // namespace

void add_convert(Command& program) {
  auto options = std::make_shared<Options>();
  Command& command = program.add_command(
      "convert",
      words("Shrinks a Hugging Face model to 8 or 4 bits per weight. A model that is small already "
            "is "
            "rewritten so that its weights are used from the file.",
            "Делает из модели Hugging Face маленькую: 8 или 4 бита на вес. Уже маленькую "
            "переписывает "
            "так, чтобы её веса читались прямо из файла."));
  const char* example = "\n  oko convert BAAI/bge-m3 ~/.oko/models/bge-m3 --bits 8";
  command.set_footer(words("Example:{}", "Пример:{}", example));
  command
      .add_argument("SRC", &options->source,
                    words("name or folder of the original model", "имя или папка исходной модели"))
      .required();
  command
      .add_argument("DST", &options->run.destination, words("folder to make", "создаваемая папка"))
      .required();
  command
      .add_option("--bits", &options->run.bits,
                  words("bits per weight [default: 8, or as many as SRC has]",
                        "бит на вес [по умолчанию: 8 или как у исходной]"))
      .one_of({"4", "8"});
  command
      .add_option("--group-size", &options->run.group_size,
                  words("weights that share a scale [default: 128 in encoders, otherwise 64]",
                        "весов с общим масштабом [по умолчанию: 128 у кодировщиков, иначе 64]"))
      .one_of({"32", "64", "128"});
  add_threads_option(command, options->run.threads);
  command.add_flag("-j,--json", &options->json, words("one JSON object", "объект JSON"));
  add_common_options(command, options->common);
  ignore_budget(command);
  command.on_run([options] { run(*options); });
}

}  // namespace oko::cli
