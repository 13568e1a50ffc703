#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>
#include <string>

#include "base/file.h"
#include "base/heap.h"
#include "base/rounded.h"
#include "base/text_escape.h"
#include "cli/align_model.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/json_output.h"
#include "cli/terminal.h"
#include "cli/user_language.h"
#include "hub/model_path.h"
#include "testing/benchmark.h"
#include "testing/kernel_benchmark.h"
#include "testing/random_model.h"

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
  ProgressBar progress(words("writing", "пишу"), options.common.quiet);
  std::uint64_t written = 0;
  testing::RandomModelOptions random;
  random.shape = options.shape;
  random.seed = options.seed;
  random.stop = interrupt.token();
  random.progress = [&](std::uint64_t done, std::uint64_t total) {
    written = done;
    progress.update(static_cast<double>(done) / static_cast<double>(total));
  };
  testing::make_random_model(random, options.out);
  progress.clear();
  if (!options.common.quiet) {
    say(words("{}: {} of random weights\n", "{}: {} случайных весов\n", one_line(options.out),
              format_bytes(written)));
  }
}

struct MeasureOptions {
  CommonOptions common;
  testing::BenchmarkOptions run;
  std::string model = hub::kDefaultVisionLanguageModel;
  bool json = false;
};

std::string text_of(const std::string& what, const testing::BenchmarkResult& result) {
  const double bytes = result.bytes_per_second(), flops = result.flops_per_second();
  const std::string unit =
      what == "vision" ? words("pictures", "картинок") : words("tokens", "токенов");
  std::string text = words(
      "{}: {:.2f} {}/s (runs: {:.3f}..{:.3f} s), ", "{}: {:.2f} {}/с (прогоны: {:.3f}..{:.3f} с), ",
      what, result.units / result.median(), unit, result.seconds.front(), result.seconds.back());
  if (!result.cpu) {
    return text + words("{:.1f} GB/s of weights, {:.0f} GFLOP/s, device: {}\n",
                        "веса {:.1f} ГБ/с, {:.0f} GFLOP/с, устройство: {}\n", bytes / 1e9,
                        flops / 1e9, tensor::name_of(result.device));
  }
  const tensor::cpu::Roofline& peak = result.cpu->peak;
  return text + words(
                    "{:.1f} GB/s of weights ({:.0f} % of the CPU's {:.1f}), "
                    "{:.0f} GFLOP/s ({:.0f} % of the CPU's {:.0f}), threads: {}\n",
                    "веса {:.1f} ГБ/с ({:.0f} % от {:.1f} у процессора), "
                    "{:.0f} GFLOP/с ({:.0f} % от {:.0f} у процессора), потоков: {}\n",
                    bytes / 1e9, 100 * bytes / peak.read_bytes_per_second,
                    peak.read_bytes_per_second / 1e9, flops / 1e9,
                    100 * flops / peak.flops_per_second, peak.flops_per_second / 1e9,
                    result.cpu->threads);
}

nlohmann::ordered_json json_of(const std::string& what, const MeasureOptions& options,
                               const testing::BenchmarkResult& result) {
  nlohmann::ordered_json object{{"what", what},
                                {"model", options.model},
                                {"device", tensor::name_of(result.device)},
                                {"units", result.units},
                                {"seconds", result.seconds},
                                {"per_second", rounded(result.units / result.median(), 3)},
                                {"weight_bytes_per_second", rounded(result.bytes_per_second(), 0)},
                                {"flop_per_second", rounded(result.flops_per_second(), 0)},
                                {"mlx_loaded_bytes", result.mlx_loaded_bytes},
                                {"mlx_peak_bytes", result.mlx_peak_bytes}};
  if (!result.gpu.empty()) object["gpu"] = result.gpu;
  if (result.cpu) {
    const double read = result.cpu->peak.read_bytes_per_second;
    const double flops = result.cpu->peak.flops_per_second;
    object["threads"] = result.cpu->threads;
    object["cpu_bytes_per_second"] = rounded(read, 0);
    object["share_of_bandwidth"] = rounded(result.bytes_per_second() / read, 6);
    object["cpu_flop_per_second"] = rounded(flops, 0);
    object["share_of_peak"] = rounded(result.flops_per_second() / flops, 6);
  }
  return object;
}

void measure(const std::string& what, MeasureOptions& options) {
  configure_heap();
  options.run.model = hub::find_model(options.model);
  if (!options.common.budget.empty()) options.run.budget_bytes = budget_of(options.common);
  const Interrupt interrupt(Interrupt::kPatience);  // a pass of the vision tower checks for no stop
  align_model(options.run.model, options.common, interrupt.token());
  const testing::BenchmarkResult result = testing::run_benchmark(options.run, interrupt.token());
  if (options.json) return print_json(json_of(what, options, result));
  print(text_of(what, result));
}

/// Options of every measurement.
void add_run_options(Command& command, CommonOptions& common, std::string& model,
                     std::size_t& threads, int& repeats, bool& json) {
  command
      .add_option("-m,--model", &model,
                  words("name or folder of the model", "имя или папка модели"))
      .show_default();
  add_threads_option(command, threads);
  command.add_option("--repeats", &repeats, words("timed runs", "прогоны"))
      .range(1, 1000)
      .show_default();
  command.add_flag("-j,--json", &json, words("one JSON object", "объект JSON"));
  add_common_options(command, common);
}

/// Adds `oko bench WHAT` for one kind; returns the command, for its own options.
Command& add_measurement(Command& bench, const std::string& what, testing::BenchmarkKind kind,
                         const std::string& description,
                         const std::shared_ptr<MeasureOptions>& options) {
  options->run.kind = kind;
  Command& command = bench.add_command(what, description);
  const std::string example = "\n  oko bench " + what + " --model demo/models/tiny-vl --json";
  command.set_footer(words("Example:{}", "Пример:{}", example));
  add_run_options(command, options->common, options->model, options->run.threads,
                  options->run.repeats, options->json);
  command.set_description("--budget",
                          words("refuse a measurement that takes more memory than this, "
                                "such as 5GB; without it nothing is refused",
                                "отказаться, если измерению нужно больше памяти, "
                                "например 5GB; без ключа отказа не будет"));
  command.on_run([what, options] { measure(what, *options); });
  return command;
}

void add_measurements(Command& bench) {
  const auto options_of = [] { return std::make_shared<MeasureOptions>(); };
  auto decode = options_of(), prefill = options_of(), vision = options_of(), embed = options_of();
  prefill->run.tokens = 512;
  add_measurement(bench, "decode", testing::BenchmarkKind::kDecode,
                  words("Tokens per second of an answer.", "Токенов ответа в секунду."), decode)
      .add_option("--tokens", &decode->run.tokens, words("tokens per run", "токенов за прогон"))
      .range(1, 100'000)
      .show_default();
  add_measurement(bench, "prefill", testing::BenchmarkKind::kPrefill,
                  words("Tokens per second of a prompt.", "Токенов запроса в секунду."), prefill)
      .add_option("--tokens", &prefill->run.tokens,
                  words("tokens of the prompt", "токенов запроса"))
      .range(1, 100'000)
      .show_default();
  add_measurement(bench, "vision", testing::BenchmarkKind::kVision,
                  words("Pictures per second.", "Картинок в секунду."), vision)
      .add_option("--side", &vision->run.side,
                  words("side of the picture, a multiple of 32", "сторона картинки, кратна 32"))
      .range(32, 8192)
      .show_default();
  embed->model = hub::kDefaultEmbeddingModel;
  embed->run.tokens = 512;
  Command& embed_command = add_measurement(bench, "embed", testing::BenchmarkKind::kEmbed,
                                           words("Tokens per second of texts that become vectors.",
                                                 "Токенов в секунду при подсчёте векторов."),
                                           embed);
  embed_command.set_footer(
      words("Example:{}", "Пример:{}", "\n  oko bench embed --texts 8 --tokens 128"));
  embed_command
      .add_option("--tokens", &embed->run.tokens, words("tokens of a text", "токенов в тексте"))
      .range(1, 100'000)
      .show_default();
  embed_command
      .add_option("--texts", &embed->run.texts, words("texts in a pass", "текстов за проход"))
      .range(1, 10'000)
      .show_default();
}

std::string text_of(const testing::KernelBenchmarkResult& result) {
  std::string text;
  for (const testing::KernelTiming& kernel : result.kernels) {
    const double bytes = kernel.bytes_per_second(), flops = kernel.flops_per_second();
    text +=
        words("{:<52} {:9.3f} ms  {:5.1f} GB/s ({:3.0f} %)  {:5.0f} GFLOP/s ({:3.0f} % of f32)\n",
              "{:<52} {:9.3f} мс  {:5.1f} ГБ/с ({:3.0f} %)  {:5.0f} GFLOP/с ({:3.0f} % от f32)\n",
              kernel.name, 1e3 * kernel.seconds, bytes / 1e9,
              100 * bytes / result.peak_read_bytes_per_second, flops / 1e9,
              100 * flops / result.peak_flops_per_second);
  }
  return text;
}

nlohmann::ordered_json json_of(const std::string& model,
                               const testing::KernelBenchmarkResult& result) {
  nlohmann::ordered_json kernels = nlohmann::ordered_json::array();
  for (const testing::KernelTiming& kernel : result.kernels) {
    const double bytes = kernel.bytes_per_second(), flops = kernel.flops_per_second();
    kernels.push_back(
        {{"kernel", kernel.name},
         {"seconds", kernel.seconds},
         {"bytes_per_second", rounded(bytes, 0)},
         {"share_of_bandwidth", rounded(bytes / result.peak_read_bytes_per_second, 6)},
         {"flop_per_second", rounded(flops, 0)},
         {"share_of_peak", rounded(flops / result.peak_flops_per_second, 6)}});
  }
  return {{"what", "kernels"},
          {"model", model},
          {"threads", result.threads},
          {"cpu_bytes_per_second", rounded(result.peak_read_bytes_per_second, 0)},
          {"cpu_flop_per_second", rounded(result.peak_flops_per_second, 0)},
          {"kernels", kernels}};
}

void add_kernels(Command& bench) {
  struct Options {
    CommonOptions common;
    testing::KernelBenchmarkOptions run;
    std::string model = hub::kDefaultVisionLanguageModel;
    bool json = false;
  };
  auto options = std::make_shared<Options>();
  Command& command = bench.add_command("kernels", words("The CPU kernels at a model's shapes.",
                                                        "Ядра для процессора на размерах модели."));
  command.set_footer(
      words("Example:{}", "Пример:{}", "\n  oko bench kernels --model demo/models/tiny-vl"));
  add_run_options(command, options->common, options->model, options->run.threads,
                  options->run.repeats, options->json);
  ignore_budget(command);
  command.on_run([options] {
    configure_heap();
    options->run.model = hub::find_model(options->model);
    const Interrupt interrupt;
    align_model(options->run.model, options->common, interrupt.token());
    const auto result = testing::run_kernel_benchmark(options->run, interrupt.token());
    if (options->json) return print_json(json_of(options->model, result));
    print(text_of(result));
  });
}

void add_make_model(Command& bench) {
  auto options = std::make_shared<MakeModelOptions>();
  Command& command = bench.add_command(
      "make-model", words("Writes a checkpoint with random weights of a real model's shapes.",
                          "Пишет модель со случайными весами настоящих размеров."));
  command.set_footer(words("Example:\n  oko bench make-model qwen3-vl-4b -o /tmp/random-4b",
                           "Пример:\n  oko bench make-model qwen3-vl-4b -o /tmp/random-4b"));
  const std::vector<std::string> shapes = testing::random_model_shapes();
  command
      .add_argument(
          "SHAPE", &options->shape,
          words("which model: {}", "какая модель: {}", fmt::format("{}", fmt::join(shapes, ", "))))
      .required()
      .one_of(shapes);
  command
      .add_option("-o,--output;--out", &options->out, words("folder to make", "создаваемая папка"))
      .required()
      .names(ValueKind::kFolder);
  command
      .add_option("--seed", &options->seed,
                  words("seed of the weights", "начальное число для случайных весов"))
      .show_default();
  add_common_options(command, options->common);
  ignore_budget(command);
  command.on_run([options] { make_model(*options); });
}

}  // namespace

void add_bench(Command& program) {
  Command& bench = program.add_command(
      "bench", words("Measures speed on this machine.", "Измеряет скорость на этой машине."));
  add_measurements(bench);
  add_kernels(bench);
  add_make_model(bench);
}

}  // namespace oko::cli
