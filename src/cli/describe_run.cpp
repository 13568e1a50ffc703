#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "base/text_escape.h"
#include "budget/memory_size.h"
#include "cli/align_model.h"
#include "cli/answer_json.h"
#include "cli/describe_options.h"
#include "cli/failures.h"
#include "cli/find_model.h"
#include "cli/inputs.h"
#include "cli/interrupt.h"
#include "cli/json_output.h"
#include "cli/output.h"
#include "cli/output_folder.h"
#include "cli/question.h"
#include "cli/stats_text.h"
#include "cli/terminal.h"
#include "cli/user_language.h"
#include "document/pages.h"
#include "engine/generator.h"
#include "engine/reductions.h"
#include "tasks/conversation.h"
#include "tasks/describe.h"

namespace oko::cli {
namespace {

using nlohmann::ordered_json;

tasks::DescribeOptions task_of(const DescribeOptions& options) {
  return {.system = options.system,
          .prompt = options.prompt,
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

/// The notes about a picture, printed before the answer about it. `is_first_only`: no other page of
/// its file is described.
std::vector<LocalizedText> notes_of(const tasks::Description& description, bool is_first_only) {
  std::vector<LocalizedText> notes;
  if (!description.unread.empty()) {
    notes.push_back(tasks::unread_text(description.unread));
  }
  if (!description.shrinking.empty()) notes.push_back(description.shrinking);
  if (!description.others.empty()) notes.push_back(description.others);
  if (is_first_only && description.pages > 1) {
    notes.push_back(tr("page 1 of {} is described; for others use --pages",
                       "описана страница 1 из {}; другие — с --pages", description.pages));
  }
  notes.insert(notes.end(), description.text.notes.begin(), description.text.notes.end());
  return notes;
}

/// Where answers go: standard output, one file, or one file per input in a folder.
class Answers {
 public:
  Answers(const DescribeOptions& options, const Inputs& input, const document::Pages& pages)
      : pages_(pages), is_json_(options.json) {
    const std::string& folder = options.input.out_folder;
    if (folder.empty()) {
      output_.emplace(options.input.output, input.paths());
    } else {
      folder_.emplace(folder, options.json ? ".json" : ".txt", input);
    }
  }

  /// Prints a part of the answer about page `i`; `heading`: before the first one, if answers about
  /// several are in one output.
  void print(std::size_t i, const std::string& heading, std::string_view text) {
    const std::size_t file = pages_.file_number(i);
    if (folder_ && (!output_ || file_ != file)) {
      finish();
      output_.emplace(folder_->path_of(file), std::vector<std::string>(), Link::kIsReplaced);
      file_ = file;
    }
    const bool has_heading =
        !is_json_ && i != last_ && (folder_ ? pages_.pages_of_file(i) > 1 : !heading.empty());
    if (has_heading) output_->print((any_ ? "\n" : "") + heading);
    output_->print(text);
    last_ = i;
    any_ = true;
  }
  /// Prints the record of page `i`, which failed.
  void print_record(std::size_t i, const ordered_json& line) {
    if (!is_json_) return;
    if (folder_) return print(i, "", json_line(line));
    output_->print(json_line(line));
  }
  /// Prints the record of an input without pages, which has no file in a folder.
  void print_record(const ordered_json& line) {
    if (!is_json_) return;
    folder_ ? cli::print_json(line) : output_->print(json_line(line));
  }

  void finish() {
    if (any_) output_->finish();
    any_ = false;
  }

 private:
  const document::Pages& pages_;
  bool is_json_;
  std::optional<OutputFolder> folder_;
  std::optional<Output> output_;
  std::size_t file_ = 0;  ///< of `output_` in a folder
  std::size_t last_ = SIZE_MAX;
  bool any_ = false;
};

/// One run over all inputs.
class Run {
 public:
  Run(const DescribeOptions& options, const Inputs& input, document::Pages& pages,
      ProgressBar& progress, const StopToken& stop)
      : options_(options),
        input_(input),
        pages_(pages),
        progress_(progress),
        stop_(stop),
        answers_(options, input, pages) {}

  void describe_each(engine::ModelHost& host, engine::Generator& generator);
  void describe_together(engine::ModelHost& host, engine::Generator& generator);

 private:
  void finish_together(const tasks::Answer& answer);
  void describe_next(tasks::Describer& describer, std::size_t i);
  void print_json(std::size_t i, const tasks::Description& description,
                  const engine::GenerationResult& result);
  engine::GenerationResult follow(std::size_t i, const std::string& heading,
                                  engine::GenerationHandle& answer);
  void pass_over(const Error& error, std::size_t i);
  LocalizedText summary() const;

  std::size_t count() const { return pages_.size() + input_.failed().size(); }
  /// The user's name of a page.
  LocalizedText name(std::size_t i) const { return input_.named(pages_.name(i)); }
  bool shows_pages(std::size_t i) const {
    return pages_.is_of_pdf(i) || !options_.input.pages.empty();
  }
  LocalizedText name_of(std::size_t i) const {
    return shows_pages(i) ? name(i) : LocalizedText(input_.name_of(pages_.file(i)));
  }
  void note(const LocalizedText& name, const LocalizedText& text) const {
    if (!options_.common.quiet) say_note(name + ": " + text);
  }

  const DescribeOptions& options_;
  const Inputs& input_;
  document::Pages& pages_;
  ProgressBar& progress_;
  StopToken stop_;
  Answers answers_;
  Failures failures_;
  std::uint64_t least_budget_ = 0;  ///< for the pictures that do not fit
};

/// Prints the answer as it comes, unless it goes into an object. Once it has begun, the bar would
/// be drawn over it.
engine::GenerationResult Run::follow(std::size_t i, const std::string& heading,
                                     engine::GenerationHandle& answer) {
  bool has_begun = false;
  while (const std::optional<engine::AnswerUpdate> update = answer.next(stop_)) {
    if (!update->text.empty()) {
      has_begun = true;
      progress_.clear();
      if (!options_.json) answers_.print(i, heading, printable(update->text));
    } else if (!has_begun) {
      progress_.update(update->progress);
    }
    if (!update->is_finished) continue;
    progress_.clear();
    return answer.wait();
  }
  throw_cancelled();
}

void Run::print_json(std::size_t i, const tasks::Description& description,
                     const engine::GenerationResult& result) {
  ordered_json line{{"file", input_.name_of(pages_.file(i))}};
  if (shows_pages(i)) {
    line["page"] = pages_.page_in_file(i) + 1;
    line["pages"] = pages_.pages_of_file(i);
  }
  line["model"] = options_.generation.model;
  line["text"] = result.text;
  line["finish_reason"] = engine::name_of(result.finish_reason);
  if (!is_plain_utf8(options_.prompt)) line["not_utf8"] = true;
  if (description.reads_text) line.update(ocr_json(description));
  if (!result.reductions.empty()) line["reductions"] = reductions_json(result.reductions);
  if (options_.stats) line["stats"] = stats_json(result.stats, description.stats);
  answers_.print(i, "", json_line(line));
}

void Run::describe_next(tasks::Describer& describer, std::size_t i) {
  progress_.update(0);  // the picture may take its time
  tasks::Description description = describer.next();
  const LocalizedText name = name_of(i);
  const bool is_first_only = options_.input.pages.empty() && !pages_.is_of_pdf(i);
  for (const LocalizedText& each : notes_of(description, is_first_only)) note(name, each);
  const std::string heading =
      count() > 1 || !options_.input.out_folder.empty() ? one_line(shown(name)) + ":\n" : "";
  const engine::GenerationResult result = follow(i, heading, description.answer);
  if (!options_.json) answers_.print(i, heading, "\n");
  for (const engine::Reduction& each : result.reductions) note(name, engine::text_of(each));
  if (options_.json) return print_json(i, description, result);
  if (result.finish_reason == engine::FinishReason::kLength) {
    note(name, cut_off_text(result.stats.generated_tokens));
  }
  if (!options_.stats) return;
  say(describe_stats_text(result.stats, description.stats));
  print_copied_weights(result.stats.copied_weight_bytes);
}

void Run::pass_over(const Error& error, std::size_t i) {
  progress_.clear();
  if (!Failures::is_of_one_file(error)) throw error;
  const std::string file = input_.name_of(pages_.file(i));
  ordered_json line{{"file", file}};
  if (shows_pages(i) && pages_.has_pages(i)) line["page"] = pages_.page_in_file(i) + 1;
  line["error"] = error_json(error);
  answers_.print_record(i, line);
  if (count() == 1) {
    answers_.finish();
    throw error;
  }
  const int page = pages_.page_in_file(i) + 1;
  failures_.add(error, pages_.pages_of_file(i) > 1
                           ? tr("{}, page {}", "{}, страница {}", short_name(file), page)
                           : LocalizedText(short_name(file)));
}

LocalizedText Run::summary() const {
  if (pages_.size() == input_.paths().size()) {
    return tr("{} of {} files could not be described: {}",
              "не удалось описать {} из {:файла|файлов|файлов}: {}", failures_.count(),
              Count(count()), failures_.names());
  }
  return tr("{} of {} pages could not be described: {}",
            "не удалось описать {} из {:страницы|страниц|страниц}: {}", failures_.count(),
            Count(count()), failures_.names());
}

void Run::describe_each(engine::ModelHost& host, engine::Generator& generator) {
  for (const Inputs::Failed& each : input_.failed()) {
    answers_.print_record({{"file", each.name}, {"error", error_json(each.error)}});
    failures_.add(each.error, short_name(each.name));
  }
  tasks::Describer describer(host, generator, task_of(options_), pages_, stop_);
  for (std::size_t i = 0; i < pages_.size(); ++i) {
    const std::string name = input_.name_of(pages_.file(i));
    try {
      describe_next(describer, i);
    } catch (const budget::OverBudget& error) {
      pass_over(Failures::of_file(error, name), i);
      say_hint(error.hint());
      least_budget_ = std::max(least_budget_, error.least_bytes());
    } catch (const Error& error) {
      pass_over(Failures::of_file(input_.named(error, pages_.file(i)), name), i);
    }
  }
  answers_.finish();
  failures_.throw_first(summary(), least_budget_);
}

/// A picture that cannot be read ends it: an answer about the others would mislead.
void Run::describe_together(engine::ModelHost& host, engine::Generator& generator) {
  if (!input_.failed().empty()) {
    const Inputs::Failed& first = input_.failed().front();
    answers_.print_record({{"file", first.name}, {"error", error_json(first.error)}});
    throw first.error;
  }
  const tasks::DescribeOptions task = task_of(options_);
  tasks::Conversation conversation(host, generator,
                                   {.system = task.system,
                                    .language = task.language,
                                    .read_text = task.read_text,
                                    .ocr_tokens = task.ocr_tokens,
                                    .max_tokens = task.max_tokens,
                                    .kv_bits = task.kv_bits,
                                    .lookup = task.lookup,
                                    .max_pixels = task.max_pixels,
                                    .temperature = task.temperature,
                                    .seed = task.seed});
  progress_.update(0);
  for (std::size_t i = 0; i < pages_.size(); ++i) {
    const std::string file = input_.name_of(pages_.file(i));
    try {
      const tasks::AddedPicture added = conversation.add_page(pages_, i, shown(name_of(i)), stop_);
      if (!added.shrinking.empty()) note(name_of(i), added.shrinking);
      if (!added.unread.empty()) note(name_of(i), tasks::unread_text(added.unread));
    } catch (const Error& error) {
      progress_.clear();
      const Error named = Failures::of_file(input_.named(error, pages_.file(i)), file);
      answers_.print_record({{"file", file}, {"error", error_json(named)}});
      throw named;
    }
  }
  const auto on_text = [&](std::string_view piece) {
    progress_.clear();
    if (!options_.json) answers_.print(0, "", printable(piece));
  };
  const std::string question = !options_.prompt.empty() ? options_.prompt
                               : task.language == Language::kRussian ? "Опиши эти изображения."
                                                                     : "Describe these images.";
  const tasks::Answer answer =
      conversation.ask(question, on_text, stop_, [&](double done) { progress_.update(done); });
  progress_.clear();
  throw_if_stopped(stop_);
  finish_together(answer);
  answers_.finish();
}

void Run::finish_together(const tasks::Answer& answer) {
  const engine::GenerationResult& result = *answer.result;
  std::vector<LocalizedText> notes;
  for (const tasks::PictureText& text : answer.picture_texts) {
    notes.insert(notes.end(), text.notes.begin(), text.notes.end());
  }
  for (const engine::Reduction& each : result.reductions) notes.push_back(engine::text_of(each));
  if (options_.json) {
    ordered_json line{{"files", answer.pictures},
                      {"model", options_.generation.model},
                      {"text", answer.text},
                      {"finish_reason", engine::name_of(result.finish_reason)}};
    if (!is_plain_utf8(options_.prompt)) line["not_utf8"] = true;
    for (const tasks::PictureText& text : answer.picture_texts) add_text(text, line);
    if (!result.reductions.empty()) line["reductions"] = reductions_json(result.reductions);
    if (options_.stats) line["stats"] = stats_json(result.stats, answer.picture_stats);
    answers_.print(0, "", json_line(line));
  } else {
    answers_.print(0, "", "\n");
    if (result.finish_reason == engine::FinishReason::kLength) {
      notes.push_back(cut_off_text(result.stats.generated_tokens));
    }
    if (options_.stats) say(describe_stats_text(result.stats, answer.picture_stats));
  }
  for (const LocalizedText& each : notes) {
    if (!options_.common.quiet) say_note(each);
  }
}

}  // namespace

void describe(DescribeOptions options) {
  settle_output(options.input);
  const document::PageSelection selection = selection_of(options.input);
  refuse_question_as_file(options.images);
  refuse_conflicts(options);
  const Interrupt interrupt(Interrupt::kPatience);
  if (!options.prompt_file.empty()) {
    options.prompt = question_in_file(options.prompt_file, options.images, interrupt.token());
  }
  const Inputs input(options.images, options.common.quiet, interrupt.token());
  require_paths(input, options.json);
  const std::filesystem::path model =
      find_or_pull_model(options.generation.model, options.common, interrupt.token());
  ProgressBar progress(words("looking", "смотрю"), options.common.quiet);
  progress.update(0);
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
  document::PagesOptions pages_options;
  pages_options.pdf.password = options.input.password;
  pages_options.selection = selection;
  pages_options.first_of_pictures = true;
  document::Pages pages(input.paths(), pages_options);
  Run run(options, input, pages, progress, interrupt.token());
  options.together ? run.describe_together(*host, generator) : run.describe_each(*host, generator);
}

}  // namespace oko::cli
