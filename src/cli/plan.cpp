#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "base/rounded.h"
#include "base/text_escape.h"
#include "budget/memory_size.h"
#include "cli/commands.h"
#include "cli/help.h"
#include "cli/json_output.h"
#include "cli/screen.h"
#include "cli/terminal.h"
#include "cli/user_language.h"
#include "engine/expected_speed.h"
#include "engine/plan.h"
#include "hub/align_weights.h"
#include "hub/model_path.h"
#include "hub/repository.h"
#include "models/bge_m3/memory_estimate.h"
#include "models/qwen3_vl/memory_estimate.h"
#include "tensor/device.h"
#include "tensor/weights.h"

namespace oko::cli {
namespace {

namespace bge = models::bge_m3;
namespace qwen = models::qwen3_vl;
using nlohmann::ordered_json;

struct PlanCommand {
  CommonOptions common;
  std::string memory;
  std::string model = hub::kDefaultVisionLanguageModel;
  std::string embed_model = hub::kDefaultEmbeddingModel;
  std::int64_t pixels = 1024 * 1024;
  int kv_bits = 16;
  bool json = false;
};

/// The folder of a model; nothing if it is a known one that is not downloaded yet.
std::optional<std::filesystem::path> folder_of(const std::string& name, bool is_known) {
  try {
    return hub::find_model(name);
  } catch (const Error& error) {
    if (is_known && error.code() == ErrorCode::kModelNotFound) return std::nullopt;
    throw;
  }
}

/// The config of a model by its name, "qwen3-vl-8b" or "mlx-community/Qwen3-VL-8B-Instruct-4bit".
std::optional<qwen::Config> known_config(const std::string& name) {
  constexpr std::string_view kFamily = "qwen3-vl-";
  const bool is_short = !hub::repository_of_short_name(name).empty();
  const std::string short_name = is_short ? name : hub::short_name_of(name);
  if (!short_name.starts_with(kFamily)) return std::nullopt;
  return qwen::qwen3_vl(short_name.substr(kFamily.size()));
}

/// The model; its weights count as on the disk, or by the config if a file is missing.
engine::VisionLanguageModel vision_language(const std::string& name) {
  engine::VisionLanguageModel model{.name = name};
  const std::optional<qwen::Config> known = known_config(name);
  if (const auto folder = folder_of(name, known.has_value())) {
    model.weight_bytes = tensor::Weights::bytes_on_disk(*folder);
    model.config = qwen::Config::load(*folder);
    // The config may be the only file of a download that has just begun.
    model.processor = model.weight_bytes > 0
                          ? qwen::ImageProcessorConfig::of_model(*folder)
                          : qwen::ImageProcessorConfig::load(*folder / "preprocessor_config.json");
  } else {
    model.config = *known;
  }
  model.is_on_disk = model.weight_bytes > 0;
  if (!model.is_on_disk) model.weight_bytes = qwen::weight_bytes(model.config);
  return model;
}

engine::EmbeddingModel embedding(const std::string& name) {
  engine::EmbeddingModel model{.name = name};
  if (const auto folder = folder_of(name, name == hub::kDefaultEmbeddingModel)) {
    model.weight_bytes = tensor::Weights::bytes_on_disk(*folder);
    model.config = bge::Config::load(*folder);
  } else {
    model.config = bge::bge_m3();
  }
  model.is_on_disk = model.weight_bytes > 0;
  if (!model.is_on_disk) model.weight_bytes = bge::weight_bytes(model.config);
  return model;
}

/// Macs have gigabytes: "16" is 16GB.
std::uint64_t memory_of(const std::string& text) {
  const bool is_number = text.find_first_not_of("0123456789.,") == std::string::npos;
  return memory_size_of("--memory", is_number ? text + "GB" : text);
}

engine::PlanOptions options_of(const PlanCommand& command) {
  engine::PlanOptions options;
  options.vision_language = vision_language(command.model);
  options.embedding = embedding(command.embed_model);
  options.pixels = command.pixels;
  options.kv_bits = command.kv_bits;
  if (!command.memory.empty()) {  // plan for a Mac
    options.physical_bytes = memory_of(command.memory);
    if (!command.common.budget.empty()) options.budget_bytes = budget_of(command.common);
    return options;
  }
  options.system = budget::this_system();
  options.physical_bytes = budget::make_memory_probe()->status().physical_bytes;
  options.gpu_bytes = tensor::gpu_working_set_bytes();
  options.machine_budget_bytes = budget_of({});
  if (!command.common.budget.empty()) options.budget_bytes = budget_of(command.common);
  return options;
}

/// The bytes that the first use of a model writes to disk.
hub::AlignedCopy aligned_copy(const std::string& name) {
  try {
    return hub::aligned_copy_of(hub::find_model(name));
  } catch (const Error&) {
    return {};  // not downloaded yet
  }
}

void add_aligned_copy(const std::string& name, ordered_json& model) {
  const hub::AlignedCopy copy = aligned_copy(name);
  model["aligned_copy_bytes"] = copy.obstacle.empty() ? copy.bytes : 0;
  if (!copy.obstacle.empty()) model["aligned_copy_error"] = shown(copy.obstacle);
}

/// The same models on a Mac with more or less memory.
struct OtherMac {
  std::uint64_t memory_bytes = 0;
  engine::Plan plan;
};

std::vector<OtherMac> other_macs(engine::PlanOptions options) {
  const std::uint64_t planned = options.physical_bytes;
  options.gpu_bytes = options.machine_budget_bytes = options.budget_bytes = 0;
  std::vector<OtherMac> macs;
  for (const std::uint64_t gigabytes : {8, 16, 24, 32}) {
    options.physical_bytes = gigabytes << 30;
    if (options.physical_bytes == planned) continue;
    macs.push_back({options.physical_bytes, engine::make_plan(options)});
  }
  return macs;
}

ordered_json json_of(const engine::PlanOptions& options, const engine::Plan& plan) {
  const auto& generation = plan.generation;
  ordered_json json{{"memory_bytes", options.physical_bytes},
                    {"system", options.system == budget::System::kMac ? "macos" : "linux"},
                    {"system_bytes", plan.reserve.system},
                    {"display_bytes", plan.reserve.display},
                    {"gpu_bytes", plan.gpu},
                    {"budget_bytes", plan.budget},
                    {"vision_language",
                     {{"name", options.vision_language.name},
                      {"weight_bytes", options.vision_language.weight_bytes},
                      {"is_on_disk", options.vision_language.is_on_disk},
                      {"preprocess_bytes", generation.preprocess.total()},
                      {"vision_bytes", generation.vision.total()},
                      {"prefill_bytes", generation.prefill.total()},
                      {"decode_bytes", generation.decode.total()},
                      {"kv_bytes_per_token", plan.kv_per_token}}},
                    {"embedding",
                     {{"name", options.embedding.name},
                      {"weight_bytes", options.embedding.weight_bytes},
                      {"is_on_disk", options.embedding.is_on_disk},
                      {"work_bytes", plan.embed}}},
                    {"ocr_bytes", plan.ocr},
                    {"runtime_bytes", plan.runtime},
                    {"resident_bytes", plan.resident},
                    {"sequential_bytes", plan.sequential},
                    {"mode", plan.mode == engine::Mode::kResident ? "resident" : "sequential"},
                    {"verdict", engine::name_of(plan.verdict)},
                    {"spare_bytes", plan.spare},
                    {"largest_context_tokens", plan.largest_context},
                    {"largest_picture_pixels", plan.largest_picture},
                    {"advice", shown(plan.advice)}};
  if (options.system == budget::System::kMac) {
    for (const OtherMac& mac : other_macs(options)) {
      json["other_macs"].push_back({{"memory_bytes", mac.memory_bytes},
                                    {"verdict", engine::name_of(mac.plan.verdict)},
                                    {"largest_context_tokens", mac.plan.largest_context},
                                    {"largest_picture_pixels", mac.plan.largest_picture}});
    }
    for (const auto& speed : engine::expected_speeds(options.vision_language.config)) {
      json["expected_speeds"].push_back(
          {{"chip", speed.chip}, {"tokens_per_second", rounded(speed.tokens_per_second, 1)}});
    }
  }
  add_aligned_copy(options.vision_language.name, json["vision_language"]);
  add_aligned_copy(options.embedding.name, json["embedding"]);
  return json;
}

/// Letters in a line; a file and a pipe get whole lines.
std::size_t columns() {
  constexpr std::size_t kLongest = 10'000;
  return width_of(STDOUT_FILENO) ? help_layout().width : kLongest;
}

void print_wrapped(const std::string& text, std::size_t indent = 0) {
  print(wrapped(text, columns(), indent));
}

void print_row(const std::string& what, std::uint64_t bytes) {
  constexpr std::size_t kIndent = 2, kWidest = 52, kBytes = 10;
  const std::size_t width = std::min(kWidest, columns() - kIndent - kBytes);
  std::string lines = wrapped(what, kIndent + width - 1, kIndent);
  lines.pop_back();
  const std::string last = lines.substr(lines.rfind('\n') + 1);
  lines.erase(lines.size() - last.size());
  // Count the width in letters: those of both languages are one column wide.
  print(fmt::format("{}{:<{}}{:>{}}\n", lines, last, kIndent + width,
                    shown(budget::memory_text(bytes)), kBytes));
}

template <typename Model>
void print_weights(const Model& model) {
  print_row(model.is_on_disk
                ? words("weights", "веса")
                : words("weights, not downloaded: an estimate", "веса, ещё не скачаны: оценка"),
            model.weight_bytes);
  const hub::AlignedCopy copy = aligned_copy(model.name);
  if (copy.bytes == 0) return;
  if (copy.obstacle.empty()) {
    print_row(words("disk for an aligned copy, made at first use",
                    "диск для выровненной копии, при первом запуске"),
              copy.bytes);
  } else {
    print_wrapped(printable(words("the weights are misaligned, and no aligned copy can be made: {}",
                                  "веса лежат не по границам, а выровненную копию не создать: {}",
                                  copy.obstacle)),
                  2);
  }
}

std::string shown_verdict(engine::Verdict verdict) {
  switch (verdict) {
    case engine::Verdict::kComfortable:
      return words("comfortable", "удобно");
    case engine::Verdict::kOnTheEdge:
      return words("on the edge", "на грани");
    case engine::Verdict::kDoesNotFit:
      return words("does not fit", "не помещается");
  }
  return {};
}

std::string verdict_text(const engine::Plan& plan) {
  const auto spare = budget::memory_text(static_cast<std::uint64_t>(std::abs(plan.spare)));
  const std::string verdict = shown_verdict(plan.verdict);
  return plan.verdict == engine::Verdict::kDoesNotFit
             ? words("{}: {} missing", "{}: не хватает {}", verdict, spare)
             : words("{}: {} to spare", "{}: запас {}", verdict, spare);
}

LocalizedText megapixels(std::int64_t pixels) {
  constexpr std::int64_t kFew = 100'000;
  return localized_number(
      fmt::format("{:.{}f}", static_cast<double>(pixels) / 1e6, pixels < kFew ? 2 : 1));
}

/// Prints how the models are kept and the limits, if they fit.
void print_limits(const engine::Plan& plan) {
  if (plan.verdict == engine::Verdict::kDoesNotFit) return;
  print_wrapped(plan.mode == engine::Mode::kResident
                    ? words("mode: both models stay loaded", "режим: обе модели остаются в памяти")
                    : words("mode: one model at a time, the other is unloaded first",
                            "режим: модели по очереди, прежняя выгружается"));
  if (plan.largest_context > 0) {
    print_wrapped(words("largest context: {} tokens with such a picture",
                        "самый длинный контекст: {:токен|токена|токенов} с такой картинкой",
                        Count(plan.largest_context)));
  }
  if (plan.largest_picture > 0) {
    print_wrapped(words("largest picture: {} megapixels with such a prompt",
                        "самая большая картинка: {} Мп с таким запросом",
                        megapixels(plan.largest_picture)));
  }
}

/// Prints what other Macs give, and how fast answers will be.
void print_buyers_advice(const engine::PlanOptions& options) {
  print("\n" + words("the same models on other Macs\n", "те же модели на других Mac\n"));
  for (const OtherMac& mac : other_macs(options)) {
    const engine::Plan& plan = mac.plan;
    std::string line = words("{}: {}", "{}: {}", budget::memory_text(mac.memory_bytes),
                             shown_verdict(plan.verdict));
    if (plan.verdict != engine::Verdict::kDoesNotFit) {
      line +=
          words(", context {}, pictures up to {} megapixels", ", контекст {}, картинки до {} Мп",
                plan.largest_context, megapixels(plan.largest_picture));
    }
    print_wrapped(line, 2);
  }
  print("\n");
  print_wrapped(
      words("answers in tokens per second, predicted from the memory's bandwidth; not "
            "measured on a Mac",
            "ответы, токенов в секунду: оценка по скорости памяти, на Mac не измерено"));
  std::string line;
  for (const auto& speed : engine::expected_speeds(options.vision_language.config)) {
    const std::string item = fmt::format("{} {:.0f}", speed.chip, speed.tokens_per_second);
    if (line.size() + item.size() + 3 > columns()) print(std::exchange(line, "") + ",\n");
    line += (line.empty() ? "  " : ", ") + item;
  }
  print(line + "\n");
}

void print_table(const engine::PlanOptions& options, const engine::Plan& plan) {
  const auto& generation = plan.generation;
  print(words("{} of memory, {}\n", "Память: {}, {}\n", budget::memory_text(options.physical_bytes),
              options.system == budget::System::kMac ? "macOS" : "Linux"));
  print_row(words("system and other programs", "система и другие программы"), plan.reserve.system);
  if (plan.reserve.display > 0) print_row(words("display", "экран"), plan.reserve.display);
  if (plan.gpu > 0) {
    print_row(words("the most that the GPU may keep", "больше этого не может занять GPU"),
              plan.gpu);
  }
  print_row(words("for oko", "для oko"), plan.budget);
  print("\n" + one_line(options.vision_language.name) + "\n");
  print_weights(options.vision_language);
  print_row(words("looking at a picture of {} megapixels", "просмотр картинки ({} Мп)",
                  megapixels(options.pixels_read())),
            generation.vision.total());
  print_row(words("reading a prompt of {} tokens with it",
                  "чтение запроса: ещё {:токен|токена|токенов}", Count(options.text_tokens)),
            generation.prefill.total());
  print_row(
      words("KV cache in the end, after {} tokens of answer",
            "KV-кэш под конец ответа в {:токен|токена|токенов}", Count(options.answer_tokens)),
      generation.decode[budget::Tag::kKv]);
  print("\n" + one_line(options.embedding.name) + "\n");
  print_weights(options.embedding);
  print_row(
      words("{} tokens at once", "{:токен|токена|токенов} за раз", Count(options.embed_tokens)),
      plan.embed);
  print("\n");
  print_row(words("reading text in pictures", "чтение текста на картинках"), plan.ocr);
  print_row(words("the program itself", "сама программа"), plan.runtime);
  print_row(
      words("all of oko at its peak, both models loaded", "весь oko на пике, обе модели в памяти"),
      plan.resident);
  print_row(words("the same, one model at a time", "то же, по одной модели"), plan.sequential);
  print("\n" + verdict_text(plan) + "\n");
  print_limits(plan);
  for (const LocalizedText& advice : plan.advice) {
    print_wrapped(words("tip: {}", "совет: {}", advice));
  }
  if (options.system == budget::System::kMac) print_buyers_advice(options);
}

void run(const PlanCommand& command) {
  const engine::PlanOptions options = options_of(command);
  const engine::Plan plan = engine::make_plan(options);
  if (command.json) {
    print_json(json_of(options, plan));
  } else {
    print_table(options, plan);
  }
  if (plan.verdict == engine::Verdict::kDoesNotFit) {
    throw Error(ErrorCode::kOverBudget, verdict_text(plan));
  }
}

}  // namespace

std::string plan_json(const CommonOptions& common) {
  PlanCommand command;
  command.common = common;
  const engine::PlanOptions options = options_of(command);
  return json_of(options, engine::make_plan(options))
      .dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

void add_plan(Command& program) {
  auto options = std::make_shared<PlanCommand>();
  Command& command = program.add_command(
      "plan", words("Predicts what fits into a machine's memory, before anything is downloaded.",
                    "Считает, что поместится в память машины — до загрузки моделей."));
  command.set_footer(words("Examples:\n  oko plan\n  oko plan --memory 8GB",
                           "Примеры:\n  oko plan\n  oko plan --memory 8GB"));
  command
      .add_option("--memory", &options->memory,
                  words("plan for a Mac with this much memory [default: this machine]",
                        "считать для Mac с такой памятью [по умолчанию: эта машина]"))
      .names(ValueKind::kSize);
  command
      .add_option(
          "-m,--model", &options->model,
          words("vision-language model: name or folder", "модель зрения и языка: имя или папка"))
      .names(ValueKind::kModel)
      .show_default();
  command
      .add_option("--embed-model", &options->embed_model,
                  words("embedding model: name or folder", "модель векторов: имя или папка"))
      .names(ValueKind::kModel)
      .show_default();
  command
      .add_option(
          "--max-pixels", &options->pixels,
          words("size of the usual picture, in pixels", "размер обычной картинки, пикселей"))
      .range(1024, 16'777'216)
      .show_default();
  add_kv_bits_option(command, options->kv_bits);
  command.add_flag("-j,--json", &options->json, words("one JSON object", "один объект JSON"));
  add_common_options(command, options->common);
  command.on_run([options] { run(*options); });
}

}  // namespace oko::cli
