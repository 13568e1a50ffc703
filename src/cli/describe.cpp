#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "base/text_escape.h"
#include "budget/memory_size.h"
#include "cli/align_model.h"
#include "cli/answer_json.h"
#include "cli/commands.h"
#include "cli/failures.h"
#include "cli/find_model.h"
#include "cli/generation_options.h"
#include "cli/inputs.h"
#include "cli/interrupt.h"
#include "cli/json_output.h"
#include "cli/stats_text.h"
#include "cli/terminal.h"
#include "cli/user_language.h"
#include "engine/generator.h"
#include "engine/reductions.h"
#include "tasks/describe.h"

namespace oko::cli {
namespace {

using nlohmann::ordered_json;

struct DescribeOptions {
  CommonOptions common;
  GenerationOptions generation;
  std::vector<std::string> images;
  std::string prompt;
  std::optional<std::size_t> ocr_tokens;
  bool lookup = false;
  bool json = false;
  bool stats = false;
};

tasks::DescribeOptions task_of(const DescribeOptions& options) {
  return {.prompt = options.prompt,
          .language = language_of(options.generation),
          .read_text = when_to_read(options.generation.ocr),
          .ocr_tokens = options.ocr_tokens,
          .max_tokens = options.generation.max_tokens,
          .kv_bits = options.generation.kv_bits,
          .lookup = options.lookup,
          .max_pixels = options.generation.max_pixels,
          .temperature = options.generation.temperature,
          .seed = options.generation.seed,
          .measure_memory = options.stats};
}

ordered_json ocr_json(const tasks::Description& description) {
  ordered_json object;
  add_text(description.text, object);
  if (!description.unread.empty()) object["ocr_error"] = shown(description.unread);
  return object;
}

/// The notes about a picture, printed before the answer about it.
std::vector<LocalizedText> notes_of(const tasks::Description& description) {
  std::vector<LocalizedText> notes;
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

/// Prints the answer as it comes, unless it goes into an object, with `heading` before its first
/// letter. Once it has begun, the bar would be drawn over it.
engine::GenerationResult follow(const DescribeOptions& options, const std::string& heading,
                                engine::GenerationHandle& answer, const StopToken& stop) {
  ProgressBar progress(words("looking", "смотрю"), options.common.quiet);
  bool has_begun = false;
  while (const std::optional<engine::AnswerUpdate> update = answer.next(stop)) {
    if (!update->text.empty()) {
      progress.clear();
      if (!options.json) print((has_begun ? "" : heading) + printable(update->text));
      has_begun = true;
    } else if (!has_begun) {
      progress.update(update->progress);
    }
    if (!update->is_finished) continue;
    progress.clear();
    return answer.wait();
  }
  throw_cancelled();
}

void print_description(const DescribeOptions& options, tasks::Description description,
                       const std::string& name, const std::string& heading, const StopToken& stop) {
  const auto note = [&](const LocalizedText& text) {
    if (!options.common.quiet) say_note(name + ": " + text);
  };
  for (const LocalizedText& each : notes_of(description)) note(each);
  const engine::GenerationResult result = follow(options, heading, description.answer, stop);
  if (!options.json) print("\n");
  for (const engine::Reduction& each : result.reductions) note(engine::text_of(each));
  if (options.json) {
    ordered_json line{{"file", name},
                      {"model", options.generation.model},
                      {"text", result.text},
                      {"finish_reason", engine::name_of(result.finish_reason)}};
    if (!is_plain_utf8(options.prompt)) line["not_utf8"] = true;
    if (description.reads_text) line.update(ocr_json(description));
    if (!result.reductions.empty()) line["reductions"] = reductions_json(result.reductions);
    if (options.stats) line["stats"] = stats_json(result.stats, description.stats);
    print_json(line);
    return;
  }
  if (result.finish_reason == engine::FinishReason::kLength) {
    note(cut_off_text(result.stats.generated_tokens));
  }
  if (!options.stats) return;
  say(describe_stats_text(result.stats, description.stats));
  print_copied_weights(result.stats.copied_weight_bytes);
}

/// Tries every picture; the first error decides the exit status.
void describe(const DescribeOptions& options) {
  const Interrupt interrupt(Interrupt::kPatience);
  const Inputs input(options.images, options.common.quiet, interrupt.token());
  const std::filesystem::path model =
      find_or_pull_model(options.generation.model, options.common, interrupt.token());
  const auto host = make_host(options.common, options.generation.threads);
  require_space_of_model(options.generation, model);
  engine::Generator generator(
      {.vision_language_model = model,
       .image_cache_bytes = 0,  // each picture is asked about once
       .prepare_weights = [&] { align_model(model, options.common, interrupt.token()); },
       .host = host});
  if (!options.common.quiet && !is_plain_utf8(options.prompt)) {
    say_note(words("--prompt is not UTF-8: the model may misunderstand it",
                   "--prompt не в UTF-8: модель может понять его неверно"));
  }
  Failures failures;
  std::uint64_t least_budget = 0;  // for the pictures that do not fit
  const auto pass_over = [&](const Error& error, const std::string& name) {
    if (!Failures::is_of_one_file(error)) throw error;
    if (options.json) print_json({{"file", name}, {"error", error_json(error)}});
    if (input.count() == 1) throw error;
    failures.add(error, short_name(name));
  };
  for (const Inputs::Failed& each : input.failed()) {
    if (options.json) print_json({{"file", each.name}, {"error", error_json(each.error)}});
    failures.add(each.error, short_name(each.name));
  }
  bool any_text = false;
  tasks::Describer describer(*host, generator, task_of(options), input.paths(), interrupt.token());
  for (const std::string& path : input.paths()) {
    const std::string name = input.name_of(path);
    try {
      tasks::Description description = describer.next();
      const std::string heading =
          input.count() > 1 ? (any_text ? "\n" : "") + one_line(name) + ":\n" : "";
      print_description(options, std::move(description), name, heading, interrupt.token());
      any_text = true;
    } catch (const budget::OverBudget& error) {
      pass_over(Failures::of_file(error, name), name);
      say_hint(error.hint());
      least_budget = std::max(least_budget, error.least_bytes());
    } catch (const Error& error) {
      pass_over(Failures::of_file(input.named(error), name), name);
    }
  }
  failures.throw_first(tr("{} of {} files could not be described: {}",
                          "не удалось описать {} из {:файла|файлов|файлов}: {}", failures.count(),
                          Count(input.count()), failures.names()),
                       least_budget);
}

}  // namespace

void add_describe(Command& program) {
  auto options = std::make_shared<DescribeOptions>();
  Command& command =
      program.add_command("describe", words("Describes pictures with a vision-language model.",
                                            "Описывает картинки моделью зрения и языка."));
  command.set_footer(words("Example:\n  oko describe photo.jpg --lang en --stats",
                           "Пример:\n  oko describe photo.jpg --lang ru --stats"));
  command
      .add_argument(
          "IMAGE", &options->images,
          words("pictures (JPEG, PNG, WebP, HEIC, AVIF, TIFF, GIF, BMP), folders of them, or "
                "https addresses; - is standard input",
                "картинки (JPEG, PNG, WebP, HEIC, AVIF, TIFF, GIF, BMP), папки с ними или "
                "адреса https; - это стандартный ввод"))
      .required();
  command.add_option("--prompt", &options->prompt,
                     words("what to ask about the picture", "что спросить о картинке"));
  add_generation_options(command, options->generation,
                         words("language of the default question [default: that of LANG]",
                               "язык вопроса по умолчанию [по умолчанию: как в LANG]"));
  command
      .add_option(
          "--ocr-tokens", &options->ocr_tokens,
          words(
              "limit the recognized text to N tokens [default: what fits the model and the budget]",
              "давать модели не больше N токенов прочитанного текста [по умолчанию: сколько "
              "вмещают модель и бюджет]"))
      .range(0, 1'000'000)
      .in(OptionGroup::kMemoryAndSpeed);
  command
      .add_flag("--lookup", &options->lookup,
                words("guess tokens that repeat the prompt or the answer; on a CPU the answer "
                      "stays the same",
                      "угадывать токены, повторяющие запрос или ответ; на CPU ответ не меняется"))
      .in(OptionGroup::kMemoryAndSpeed);
  command.add_flag(
      "-j,--json", &options->json,
      words("print one JSON object per picture", "напечатать по объекту JSON на картинку"));
  command.add_flag("--stats", &options->stats,
                   words("print times, tokens and memory", "напечатать время, токены и память"));
  add_common_options(command, options->common);
  command.on_run([options] { describe(*options); });
}

}  // namespace oko::cli
