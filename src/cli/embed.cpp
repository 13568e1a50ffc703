#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "base/localized_text.h"
#include "base/text_escape.h"
#include "cli/align_model.h"
#include "cli/commands.h"
#include "cli/embedding_model.h"
#include "cli/find_model.h"
#include "cli/interrupt.h"
#include "cli/json_output.h"
#include "cli/line_reader.h"
#include "cli/pooling_note.h"
#include "cli/stats_text.h"
#include "cli/terminal.h"
#include "cli/user_language.h"
#include "engine/embedder.h"
#include "hub/model_path.h"
#include "hub/settings_files.h"
#include "models/bge_m3/model.h"
#include "tasks/embed_texts.h"

namespace oko::cli {
namespace {

namespace bge = models::bge_m3;

/// JSON with f32 numbers, so that they are written with no more digits than they have.
using Json = nlohmann::basic_json<nlohmann::ordered_map, std::vector, std::string, bool,
                                  std::int64_t, std::uint64_t, float>;

constexpr const char* kStandardInput = "-";

struct EmbedOptions {
  CommonOptions common;
  std::vector<std::string> texts;
  std::string model = hub::kDefaultEmbeddingModel;
  tasks::EmbedTextsOptions run{.outputs = {.dense = false}};
  bool token_strings = false;
  std::size_t threads = 0;
  bool json = false;
  bool stats = false;
};

/// The name of a token in a sparse vector.
std::string name_of(std::int32_t id, const EmbedOptions& options,
                    const engine::Embedder& embedder) {
  return options.token_strings ? std::string(embedder.tokenizer().token(id)) : std::to_string(id);
}

/// The prefix is part of every text that the model reads.
bool has_plain_prefix(const EmbedOptions& options) {
  return is_plain_utf8(options.run.prompt.value_or(""));
}

std::string json_line(const tasks::EmbeddedText& text, const EmbedOptions& options,
                      const engine::Embedder& embedder) {
  const bge::Outputs& outputs = options.run.outputs;
  const engine::TextEmbedding& embedding = text.embedding;
  Json line{{"index", text.index},
            {"model", options.model},
            {"text", text.text},
            {"tokens", embedding.tokens},
            {"total_tokens", embedding.total_tokens}};
  if (!text.is_plain_utf8 || !has_plain_prefix(options)) line["not_utf8"] = true;
  if (outputs.dense) line["dense"] = embedding.encoding.dense;
  if (outputs.sparse) {
    Json& sparse = line["sparse"] = Json::object();
    for (const auto& [id, weight] : embedding.encoding.sparse) {
      float& kept =
          sparse.emplace(name_of(id, options, embedder), 0.0f).first.value().get_ref<float&>();
      kept = std::max(kept, weight);
    }
  }
  if (outputs.colbert) {
    Json& rows = line["colbert"] = Json::array();
    const bge::TokenVectors& vectors = embedding.encoding.colbert;
    for (std::size_t i = 0; i < vectors.count(); ++i) {
      rows.push_back(std::vector<float>(vectors.row(i), vectors.row(i) + vectors.dimensions));
    }
  }
  count_json_object();
  return line.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

/// The first of `words` and their count, if there are more than a person reads.
std::string shortened(std::vector<std::string> words) {
  constexpr std::size_t kMost = 8, kShown = 6;
  if (words.size() <= kMost) return fmt::format("{}", fmt::join(words, " "));
  const std::size_t count = words.size();
  words.resize(kShown);
  return fmt::format("{} ... ({})", fmt::join(words, " "), count);
}

std::string numbers(std::span<const float> values, bool is_short) {
  if (!is_short) return fmt::format("{}", fmt::join(values, " "));
  std::vector<std::string> words;
  for (const float value : values) words.push_back(fmt::format("{:.3f}", value));
  return shortened(std::move(words));
}

/// A line for each vector; with several outputs it begins with its name. `is_short`: for a
/// terminal, some numbers of each.
std::string text_lines(const bge::Encoding& encoding, const EmbedOptions& options,
                       const engine::Embedder& embedder, bool is_short) {
  const bge::Outputs& outputs = options.run.outputs;
  const bool named = outputs.dense + outputs.sparse + outputs.colbert > 1;
  std::string lines;
  const auto add = [&](const char* name, const std::string& line) {
    lines += named ? fmt::format("{}\t{}\n", name, line) : line + "\n";
  };
  if (outputs.dense) add("dense", numbers(encoding.dense, is_short));
  if (outputs.sparse) {
    std::vector<std::string> words;
    for (const auto& [id, weight] : encoding.sparse) {
      words.push_back(fmt::format("{}:{}", one_line(name_of(id, options, embedder)), weight));
    }
    add("sparse", is_short ? shortened(words) : fmt::format("{}", fmt::join(words, " ")));
  }
  for (std::size_t i = 0; i < encoding.colbert.count(); ++i) {
    add("colbert", numbers({encoding.colbert.row(i), encoding.colbert.dimensions}, is_short));
  }
  return lines;
}

void say_notes(const tasks::EmbeddedText& text) {
  const engine::TextEmbedding& embedding = text.embedding;
  if (!text.is_plain_utf8) {
    say_note(words("text {}: is not UTF-8; its vector may be wrong",
                   "текст {}: это не UTF-8; вектор может быть неверным", text.index + 1));
  }
  if (embedding.total_tokens == embedding.tokens) return;
  say_note(words("text {}: only the first {} of its {} tokens were read, {} were cut off",
                 "текст {}: прочитаны только первые {} из {:токена|токенов|токенов}, отброшено {}",
                 text.index + 1, embedding.tokens, Count(embedding.total_tokens),
                 embedding.total_tokens - embedding.tokens));
}

/// A user who names a file may expect the vectors of its text.
void say_names_of_files(const EmbedOptions& options) {
  for (const std::string& text : options.texts) {
    std::error_code error;
    if (text == kStandardInput || !std::filesystem::is_regular_file(text, error)) continue;
    say_note(
        tr("{}: the vector is that of this name, not of the file: for its lines, oko embed - "
           "< {}",
           "{}: вектор этого имени, а не файла; для строк файла: oko embed - < {}", text, text));
  }
}

/// True if somebody feeds the standard input: a pipe or a file, not a terminal or /dev/null.
bool has_input() {
  struct stat info {};
  return ::fstat(STDIN_FILENO, &info) == 0 && (S_ISFIFO(info.st_mode) || S_ISREG(info.st_mode));
}

void refuse_input_with_texts(const EmbedOptions& options) {
  throw Error(
      ErrorCode::kUsage,
      tr("- reads texts from standard input, and {} more were given",
         "- читает тексты со стандартного ввода, а указаны и другие: {}", options.texts.size() - 1),
      tr("give texts or -, not both", "укажите или тексты, или -"));
}

/// The texts of the command line at once, or lines of standard input as they come.
tasks::TextBatches batches_of(const EmbedOptions& options, const StopToken& stop) {
  if (std::ranges::count(options.texts, kStandardInput) == 0) {
    return [texts = std::optional(options.texts)]() mutable {
      return std::exchange(texts, std::nullopt);
    };
  }
  return [reader = std::make_shared<LineReader>(STDIN_FILENO, stop, limit_of_texts())] {
    return reader->next();
  };
}

void refuse_model_of_pictures(const std::filesystem::path& folder, const std::string& name) {
  if (hub::model_type_of(folder) != "qwen3_vl") return;
  throw Error(ErrorCode::kBadModel,
              tr("{}: is a model of pictures, not of texts",
                 "{}: это модель для картинок, а не для текстов", name),
              tr("use it with oko describe; oko embed needs an encoder such as {}",
                 "она для oko describe; для oko embed нужен кодировщик, например {}",
                 hub::kDefaultEmbeddingModel));
}

void embed(EmbedOptions options) {
  if (options.texts.empty() && has_input()) options.texts = {kStandardInput};
  if (options.texts.empty()) {
    throw Error(ErrorCode::kUsage,
                tr("wrong usage: TEXT is missing", "неверный вызов: не хватает аргумента ТЕКСТ"),
                tr("oko embed \"some text\", or oko embed < lines.txt",
                   "oko embed \"какой-то текст\" или oko embed < lines.txt"));
  }
  bge::Outputs& outputs = options.run.outputs;
  if (!outputs.sparse && !outputs.colbert) outputs.dense = true;
  options.run.measures_memory = options.stats;
  const Interrupt interrupt;
  const std::filesystem::path model =
      find_or_pull_model(options.model, options.common, interrupt.token());
  refuse_model_of_pictures(model, options.model);
  const auto owned = make_embedder(model, options.common, options.threads, interrupt.token());
  engine::Embedder& embedder = *owned;
  const bool quiet = options.common.quiet;
  if (!quiet && outputs.dense && bge::assumes_pooling(model)) say_assumed_pooling(model);
  if (options.texts.size() > 1 && std::ranges::count(options.texts, kStandardInput) > 0) {
    refuse_input_with_texts(options);
  }
  if (!quiet && !has_plain_prefix(options)) {
    say_note(words("--prefix is not UTF-8; the vectors may be wrong",
                   "--prefix не в UTF-8; векторы могут быть неверными"));
  }
  if (!quiet) say_names_of_files(options);
  const bool is_short = !options.json && ::isatty(STDOUT_FILENO) == 1;
  ProgressBar progress(words("embedding", "векторы"), quiet);
  const auto print_text = [&](const tasks::EmbeddedText& text) {
    progress.clear();
    if (!quiet) say_notes(text);
    print(options.json ? json_line(text, options, embedder)
                       : text_lines(text.embedding.encoding, options, embedder, is_short));
  };
  const tasks::EmbedTextsStats stats =
      tasks::embed_texts(embedder, options.run, batches_of(options, interrupt.token()), print_text,
                         interrupt.token(), [&](double done) { progress.update(done); });
  if (is_short && !quiet) {
    say_note(tr("some numbers of each vector; a file, a pipe and --json get all of them",
                "показаны не все числа; в файл, в канал и с --json попадут все"));
  }
  if (!options.stats) return;
  say(embed_stats_text(stats));
  print_copied_weights(stats.total.copied_weight_bytes);
}

}  // namespace

void add_embed(Command& program) {
  auto options = std::make_shared<EmbedOptions>();
  Command& command = program.add_command("embed", words("Turns texts into vectors for search.",
                                                        "Превращает тексты в векторы для поиска."));
  command.set_footer(words("Example:\n  oko embed \"good morning\" --dense --sparse --json",
                           "Пример:\n  oko embed \"доброе утро\" --dense --sparse --json"));
  command.add_argument(
      "TEXT", &options->texts,
      words("texts; - reads one per line from standard input, as without TEXT in a "
            "pipe",
            "тексты; - читает по одному в строке со стандартного ввода, как и без "
            "ТЕКСТ в канале"));
  command
      .add_option("-m,--model", &options->model,
                  words("name or folder of the model", "имя или папка модели"))
      .names(ValueKind::kModel)
      .show_default();
  command.add_flag(
      "--dense", &options->run.outputs.dense,
      words("one vector per text (the default)", "один вектор на текст (по умолчанию)"));
  const Option sparse = command.add_flag("--sparse", &options->run.outputs.sparse,
                                         words("a weight for each token", "вес каждого токена"));
  command.add_flag("--colbert", &options->run.outputs.colbert,
                   words("a vector for each token", "вектор на каждый токен"));
  command
      .add_flag("--token-strings", &options->token_strings,
                words("name tokens of sparse vectors by their text, not by number",
                      "называть токены разреженных векторов текстом, а не номером"))
      .needs(sparse);
  // An empty text counts, too: it turns the model's own prompt off.
  command.add_option("--prefix", &options->run.prompt,
                     words("put before each text (multilingual-e5: \"query: \" or \"passage: \"); "
                           "without: the model's own prompt, if it has one",
                           "поставить перед каждым текстом (multilingual-e5: \"query: \" или "
                           "\"passage: \"); без ключа: подсказка самой модели, если есть"));
  command
      .add_option("--max-tokens", &options->run.max_tokens,
                  words("read at most N tokens of a text", "читать не больше N токенов текста"))
      .range(3, 1'000'000);
  add_threads_option(command, options->threads);
  command.add_flag("-j,--json", &options->json,
                   words("one JSON object per text", "по объекту JSON на текст"));
  command.add_flag("--stats", &options->stats,
                   words("print times, tokens and memory", "напечатать время, токены и память"));
  add_common_options(command, options->common);
  command.without_error_object();
  command.on_run([options] { embed(*options); });
}

}  // namespace oko::cli
