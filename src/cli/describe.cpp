#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "base/language.h"
#include "budget/memory_size.h"
#include "cli/align_model.h"
#include "cli/commands.h"
#include "cli/failures.h"
#include "cli/interrupt.h"
#include "cli/json_output.h"
#include "cli/standard_input.h"
#include "cli/terminal.h"
#include "engine/reductions.h"
#include "engine/generator.h"
#include "engine/plan.h"
#include "hub/model_path.h"
#include "ocr/footprint.h"
#include "tasks/describe.h"
#include "tensor/device.h"
#include "tensor/weights.h"

namespace oko::cli {
namespace {

using nlohmann::ordered_json;

struct DescribeOptions {
  CommonOptions common;
  std::vector<std::string> images;
  std::string prompt;
  std::string language;
  std::string ocr = "auto";
  std::optional<std::size_t> ocr_tokens;
  std::string model = hub::kDefaultVisionLanguageModel;
  int max_tokens = 1024;
  std::size_t threads = 0;
  int kv_bits = 16;
  bool lookup = false;
  std::int64_t max_pixels = 0;
  float temperature = 0;
  std::uint64_t seed = 0;
  bool json = false;
  bool stats = false;
};

Language language_of(const DescribeOptions& options) {
  if (options.language.empty()) return language();
  return options.language == "ru" ? Language::kRussian : Language::kEnglish;
}

tasks::ReadText when_to_read(const std::string& ocr) {
  if (ocr == "off") return tasks::ReadText::kNever;
  return ocr == "on" ? tasks::ReadText::kAlways : tasks::ReadText::kWhereItFits;
}

tasks::DescribeOptions task_of(const DescribeOptions& options) {
  return {.prompt = options.prompt,
          .language = language_of(options),
          .read_text = when_to_read(options.ocr),
          .ocr_tokens = options.ocr_tokens,
          .max_tokens = options.max_tokens,
          .kv_bits = options.kv_bits,
          .lookup = options.lookup,
          .max_pixels = options.max_pixels,
          .temperature = options.temperature,
          .seed = options.seed,
          .measure_memory = options.stats};
}

/// What the picture is described with less of, and why.
void print_reductions(const std::vector<engine::Reduction>& reductions) {
  for (const engine::Reduction& reduction : reductions) {
    say_note(engine::text_of(reduction));
  }
}

ordered_json reductions_json(const std::vector<engine::Reduction>& reductions) {
  ordered_json list = ordered_json::array();
  for (const engine::Reduction& reduction : reductions) {
    list.push_back({{"what", reduction.what},
                    {"from", reduction.from},
                    {"to", reduction.to},
                    {"reason", engine::name_of(reduction.reason)}});
  }
  return list;
}

/// What a picture and the answer about it take, by phase; weights are those of the model.
ordered_json memory_json(const budget::TagBytes& picture, const engine::PhaseMemory& answer) {
  return {{"image", picture[budget::Tag::kImage]},
          {"ocr", picture[budget::Tag::kOcr]},
          {"preprocess", answer.preprocess},
          {"vision", answer.vision},
          {"prefill", answer.prefill},
          {"decode", answer.decode},
          {"kv", answer.kv}};
}

ordered_json stats_json(const engine::GenerationStats& stats, const tasks::PictureStats& picture) {
  return {{"device", tensor::name_of(tensor::device())},
          {"decode_image_seconds", picture.decode_seconds},
          {"read_text_seconds", picture.read_seconds},
          {"preprocess_seconds", stats.preprocess_seconds},
          {"load_seconds", stats.load_seconds},
          {"vision_seconds", stats.vision_seconds},
          {"prefill_seconds", stats.prefill_seconds},
          {"decode_seconds", stats.decode_seconds},
          {"first_token_seconds", stats.first_token_seconds},
          {"image_tokens", stats.image_tokens},
          {"prompt_tokens", stats.prompt_tokens},
          {"generated_tokens", stats.generated_tokens},
          {"prefill_tokens_per_second", stats.prefill_tokens_per_second()},
          {"decode_tokens_per_second", stats.decode_tokens_per_second()},
          {"drafted_tokens", stats.drafted_tokens},
          {"accepted_drafts", stats.accepted_draft_tokens},
          {"kv_cache_bytes", stats.memory.kv},
          {"weight_bytes", stats.weight_bytes},
          {"copied_weight_bytes", stats.copied_weight_bytes},
          {"peak_private_bytes", stats.peak_private_bytes},
          {"mlx_peak_bytes", stats.mlx_peak_bytes},
          {"predicted_memory", memory_json(picture.predicted, stats.predicted_memory)},
          {"memory", memory_json(picture.taken, stats.memory)},
          {"mlx_memory",
           {{"vision", stats.mlx_memory.vision},
            {"prefill", stats.mlx_memory.prefill},
            {"decode", stats.mlx_memory.decode}}}};
}

std::string stats_text(const engine::GenerationStats& stats, const tasks::PictureStats& picture) {
  return tr(
      "picture {:.0f} ms, its text {:.0f} ms, resize {:.0f} ms, model {:.0f} ms, vision {:.2f} s "
      "({} tokens), "
      "prefill {:.2f} s ({} tokens, {:.1f}/s), decode {:.2f} s ({} tokens, {:.1f}/s), "
      "peak memory {} (in MLX's buffers {}), {} of it for this answer ({} predicted)\n",
      "картинка {:.0f} мс, её текст {:.0f} мс, размер {:.0f} мс, модель {:.0f} мс, зрение {:.2f} с "
      "(токенов: {}), "
      "чтение {:.2f} с (токенов: {}, {:.1f}/с), ответ {:.2f} с (токенов: {}, {:.1f}/с), "
      "пик памяти {} (в буферах MLX {}), из них {} на этот ответ (ожидалось {})\n",
      picture.decode_seconds * 1e3, picture.read_seconds * 1e3, stats.preprocess_seconds * 1e3,
      stats.load_seconds * 1e3, stats.vision_seconds, stats.image_tokens, stats.prefill_seconds,
      stats.prompt_tokens, stats.prefill_tokens_per_second(), stats.decode_seconds,
      stats.generated_tokens, stats.decode_tokens_per_second(),
      format_bytes(stats.peak_private_bytes), format_bytes(stats.mlx_peak_bytes),
      format_bytes(stats.memory.peak()), format_bytes(stats.predicted_memory.peak()));
}

ordered_json ocr_json(const tasks::Description& description) {
  ordered_json object{{"ocr_lines", description.text.lines}};
  for (const tasks::LeftOutLine& line : description.text.left_out) {
    object["ocr_left_out"].push_back(
        {{"text", line.text}, {"confidence", line.confidence}, {"reason", line.reason}});
  }
  if (!description.unread.empty()) object["ocr_error"] = description.unread;
  return object;
}

/// What the user should know of a picture before the answer about it.
std::vector<std::string> notes_of(const tasks::Description& description) {
  std::vector<std::string> notes;
  if (!description.unread.empty()) {
    notes.push_back(tr("text in the picture is not read: {}", "текст на картинке не читается: {}",
                       description.unread));
  }
  if (!description.shrinking.empty()) notes.push_back(description.shrinking);
  if (!description.others.empty()) notes.push_back(description.others);
  if (description.pages > 1) {
    notes.push_back(tr("page 1 of {} is described; oko ocr reads all",
                       "описана страница 1 из {}; oko ocr читает все", description.pages));
  }
  notes.insert(notes.end(), description.text.notes.begin(), description.text.notes.end());
  return notes;
}

/// Prints the answer as it comes, unless it goes into an object.
engine::GenerationResult follow(const DescribeOptions& options, engine::GenerationHandle& answer,
                                const StopToken& stop) {
  ProgressBar progress(tr("looking", "смотрю"), options.common.quiet);
  while (const std::optional<engine::AnswerUpdate> update = answer.next(stop)) {
    if (!update->text.empty()) {
      progress.clear();
      if (!options.json) print(printable(update->text));
    } else {
      progress.update(update->progress);
    }
    if (!update->is_finished) continue;
    progress.clear();
    return answer.wait();
  }
  throw_cancelled();
}

void print_description(const DescribeOptions& options, tasks::Description description,
                       const std::string& name, const StopToken& stop) {
  const auto note = [&](const std::string& text) {
    if (!options.common.quiet) say_note(name + ": " + text);
  };
  for (const std::string& each : notes_of(description)) note(each);
  const engine::GenerationResult result = follow(options, description.answer, stop);
  if (!options.common.quiet) print_reductions(result.reductions);
  if (options.json) {
    ordered_json line{{"file", name},
                      {"text", result.text},
                      {"finish_reason", engine::name_of(result.finish_reason)}};
    if (description.reads_text) line.update(ocr_json(description));
    if (!result.reductions.empty()) line["reductions"] = reductions_json(result.reductions);
    if (options.stats) line["stats"] = stats_json(result.stats, description.stats);
    print_json(line);
    return;
  }
  print("\n");
  if (result.finish_reason == engine::FinishReason::kLength) {
    note(tr("the answer was cut off after {} tokens (--max-tokens)",
            "ответ обрезан после токенов: {} (--max-tokens)", result.stats.generated_tokens));
  }
  if (!options.stats) return;
  say(stats_text(result.stats, description.stats));
  print_copied_weights(result.stats.copied_weight_bytes);
}

/// Before libraries are started: the least of what any picture takes.
void require_space_of_model(const DescribeOptions& options, const std::filesystem::path& model) {
  require_address_space(engine::runtime_bytes(tensor::on_gpu()) +
                        tensor::Weights::bytes_on_disk(model) +
                        (options.ocr == "on" ? ocr::kEngineBytes : 0));
}

/// An error of the picture `name`, which the image processor and the budget do not know.
Error of_file(const Error& error, const std::string& name) {
  const std::string message = error.what();
  if (!Failures::is_of_one_file(error) || message.find(name) != std::string::npos) return error;
  return {error.code(), name + ": " + message, error.hint()};
}

/// Every picture is tried; the first error decides the exit status.
void describe(const DescribeOptions& options) {
  const std::filesystem::path model = hub::find_model(options.model);
  const auto host = make_host(options.common, options.threads);
  require_space_of_model(options, model);
  const Interrupt interrupt(Interrupt::kPatience);
  engine::Generator generator(
      {.vision_language_model = model,
       .image_cache_bytes = 0,  // each picture is asked about once
       .prepare_weights = [&] { align_model(model, options.common, interrupt.token()); },
       .host = host});
  const StandardInput input(options.images, interrupt.token());
  Failures failures;
  std::uint64_t least_budget = 0;  // for those that do not fit
  const auto pass_over = [&](const Error& error, const std::string& name) {
    if (!Failures::is_of_one_file(error)) throw error;
    if (options.json) print_json({{"file", name}, {"error", error.what()}});
    if (options.images.size() == 1) throw error;
    failures.add(error, error.what());
  };
  tasks::Describer describer(*host, generator, task_of(options), input.paths(), interrupt.token());
  for (const std::string& path : input.paths()) {
    const std::string name = input.named(path);
    try {
      if (options.images.size() > 1 && !options.json) print(printable(name) + ":\n");
      print_description(options, describer.next(), name, interrupt.token());
    } catch (const budget::OverBudget& error) {
      pass_over(of_file(error, name), name);
      least_budget = std::max(least_budget, error.least_bytes());
    } catch (const Error& error) {
      pass_over(of_file(input.named(error), name), name);
    }
  }
  failures.throw_first(tr("not every picture was described", "описаны не все картинки"),
                       least_budget);
}

}  // namespace

void add_describe(Command& program) {
  auto options = std::make_shared<DescribeOptions>();
  Command& command =
      program.add_command("describe", tr("Describes pictures with a vision-language model.",
                                         "Описывает картинки моделью зрения и языка."));
  command.set_footer(tr("Example:\n  oko describe photo.jpg --lang en --stats",
                        "Пример:\n  oko describe photo.jpg --lang ru --stats"));
  command
      .add_argument(
          "IMAGE", &options->images,
          tr("picture files: JPEG, PNG, WebP, HEIC, AVIF, TIFF, GIF, BMP; - is standard input",
             "файлы картинок: JPEG, PNG, WebP, HEIC, AVIF, TIFF, GIF, BMP; - это стандартный "
             "ввод"))
      .required();
  command.add_option("--prompt", &options->prompt,
                     tr("what to ask about the picture", "что спросить о картинке"));
  command
      .add_option(
          "--lang", &options->language,
          tr("language of the default question: ru or en", "язык вопроса по умолчанию: ru или en"))
      .one_of({"ru", "en"});
  command
      .add_option(
          "--ocr", &options->ocr,
          tr("read the text in the picture first and tell the model: on, off, or auto: where "
             "there is some",
             "сначала прочитать текст на картинке и дать модели: on, off или auto — если он есть"))
      .one_of({"auto", "on", "off"})
      .show_default();
  command
      .add_option(
          "--ocr-tokens", &options->ocr_tokens,
          tr("tell the model at most so many tokens of the text that was read; otherwise as "
             "many as the model and the budget have room for",
             "давать модели не больше стольких токенов прочитанного текста; иначе столько, "
             "сколько вмещают модель и бюджет"))
      .range(0, 1'000'000);
  command
      .add_option("--max-tokens", &options->max_tokens,
                  tr("longest answer, in tokens", "наибольший ответ, в токенах"))
      .range(1, 1'000'000)
      .show_default();
  command
      .add_option("--max-pixels", &options->max_pixels,
                  tr("shrink larger pictures to so many pixels; otherwise to {} on a GPU, on a "
                     "CPU to the model's own limit",
                     "уменьшать большие картинки до стольких пикселей; иначе на GPU до {}, на "
                     "процессоре до предела модели",
                     engine::kGraphPixels))
      .range(1024, 64'000'000);
  command
      .add_option("--temperature", &options->temperature,
                  tr("0: the most likely answer; higher: more varied",
                     "0: самый вероятный ответ; больше — разнообразнее"))
      .range(0, 10)
      .show_default();
  command.add_option("--seed", &options->seed,
                     tr("seed of the random choice", "зерно случайного выбора"));
  command
      .add_option("--model", &options->model,
                  tr("name or folder of the model", "имя или папка модели"))
      .show_default();
  add_kv_bits_option(command, options->kv_bits);
  command.add_flag(
      "--lookup", &options->lookup,
      tr("guess tokens that repeat the prompt or the answer; on a CPU the answer stays the same",
         "угадывать токены, повторяющие запрос или ответ; на CPU ответ не меняется"));
  add_threads_option(command, options->threads);
  command.add_flag("--json", &options->json,
                   tr("one JSON object a picture", "по объекту JSON на картинку"));
  command.add_flag("--stats", &options->stats,
                   tr("times, tokens and memory", "время, токены и память"));
  add_common_options(command, options->common);
  command.on_run([options] { describe(*options); });
}

}  // namespace oko::cli
