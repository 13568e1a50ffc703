#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "base/localized_text.h"
#include "cli/align_model.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/line_reader.h"
#include "cli/pooling_note.h"
#include "cli/terminal.h"
#include "cli/user_language.h"
#include "engine/embedder.h"
#include "hub/model_path.h"
#include "models/bge_m3/model.h"
#include "text/utf8.h"

namespace oko::cli {
namespace {

namespace bge = models::bge_m3;

/// JSON whose numbers are f32: they are written with no more digits than they have.
using Json = nlohmann::basic_json<nlohmann::ordered_map, std::vector, std::string, bool,
                                  std::int64_t, std::uint64_t, float>;

struct EmbedOptions {
  CommonOptions common;
  std::vector<std::string> texts;
  std::string model = hub::kDefaultEmbeddingModel;
  std::optional<std::string> prefix;
  bge::Outputs outputs{.dense = false};
  bool token_strings = false;
  int max_tokens = 0;
  std::size_t threads = 0;
  bool json = false;
  bool stats = false;
};

/// How a token is named in a sparse vector.
std::string name_of(std::int32_t id, const EmbedOptions& options,
                    const engine::Embedder& embedder) {
  return options.token_strings ? std::string(embedder.tokenizer().token(id)) : std::to_string(id);
}

/// Text in another encoding gets a vector, and a wrong one; UTF-16 has NULs.
bool is_plain_utf8(const std::string& text) {
  return text::is_valid_utf8(text) && text.find('\0') == std::string::npos;
}

std::string json_line(const engine::TextEmbedding& text, std::size_t index, bool broken,
                      const EmbedOptions& options, const engine::Embedder& embedder) {
  Json line{{"index", index}, {"tokens", text.tokens}, {"total_tokens", text.total_tokens}};
  if (broken) line["not_utf8"] = true;
  if (options.outputs.dense) line["dense"] = text.encoding.dense;
  if (options.outputs.sparse) {
    Json& sparse = line["sparse"] = Json::object();
    for (const auto& [id, weight] : text.encoding.sparse) {
      float& kept =
          sparse.emplace(name_of(id, options, embedder), 0.0f).first.value().get_ref<float&>();
      kept = std::max(kept, weight);
    }
  }
  if (options.outputs.colbert) {
    Json& rows = line["colbert"] = Json::array();
    const bge::TokenVectors& vectors = text.encoding.colbert;
    for (std::size_t i = 0; i < vectors.count(); ++i) {
      rows.push_back(std::vector<float>(vectors.row(i), vectors.row(i) + vectors.dimensions));
    }
  }
  return line.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

/// A line for each vector; with several outputs its name stands in front.
std::string text_lines(const engine::TextEmbedding& text, const EmbedOptions& options,
                       const engine::Embedder& embedder) {
  const bge::Outputs& outputs = options.outputs;
  const bool named = outputs.dense + outputs.sparse + outputs.colbert > 1;
  const bge::Encoding& encoding = text.encoding;
  std::string lines;
  const auto add = [&](const char* name, const std::string& line) {
    lines += named ? fmt::format("{}\t{}\n", name, line) : line + "\n";
  };
  if (outputs.dense) add("dense", fmt::format("{}", fmt::join(encoding.dense, " ")));
  if (outputs.sparse) {
    std::string line;
    for (const auto& [id, weight] : encoding.sparse) {
      line += fmt::format("{}{}:{}", line.empty() ? "" : " ",
                          printable(name_of(id, options, embedder)), weight);
    }
    add("sparse", line);
  }
  for (std::size_t i = 0; i < encoding.colbert.count(); ++i) {
    const float* row = encoding.colbert.row(i);
    add("colbert", fmt::format("{}", fmt::join(row, row + encoding.colbert.dimensions, " ")));
  }
  return lines;
}

/// Embeds texts in runs, prints what becomes of them, and adds up.
class EmbedRun {
 public:
  explicit EmbedRun(const EmbedOptions& options)
      : options_(options),
        model_(hub::find_model(options.model)),
        embedder_(
            {.model = model_,
             .prepare_weights = [&] { align_model(model_, options.common, interrupt_.token()); },
             .host = make_host(options.common, options.threads)}) {
    const bool speaks = !options.common.quiet && options.outputs.dense;
    if (speaks && bge::assumes_pooling(model_)) say_assumed_pooling(model_);
  }

  void embed(std::vector<std::string> texts) {
    std::vector<bool> broken;
    broken.reserve(texts.size());
    for (const std::string& text : texts) broken.push_back(!is_plain_utf8(text));
    engine::EmbeddingRequest request;
    request.prompt = options_.prefix;
    request.texts = std::move(texts);
    request.outputs = options_.outputs;
    request.max_tokens = options_.max_tokens;
    ProgressBar progress(words("embedding", "векторы"), options_.common.quiet);
    const engine::EmbeddingResult result =
        embedder_.embed(request, interrupt_.token(), [&](double done) { progress.update(done); });
    progress.clear();
    for (std::size_t i = 0; i < result.texts.size(); ++i) {
      const engine::TextEmbedding& text = result.texts[i];
      if (broken[i]) warn_of_encoding();
      warn_if_cut(text);
      print(options_.json ? json_line(text, done_, broken[i], options_, embedder_)
                          : text_lines(text, options_, embedder_));
      ++done_;
    }
    add(result.stats);
  }

  StopToken stop_token() const { return interrupt_.token(); }

  void print_stats() const {
    say(words(
        "texts: {}, tokens: {}, model {:.0f} ms, tokens {:.1f} ms, vectors {:.2f} s "
        "({:.0f} tokens/s), peak memory {} (in MLX's buffers {}), {} of it for one run of texts "
        "({} predicted)\n",
        "текстов: {}, токенов: {}, модель {:.0f} мс, токены {:.1f} мс, векторы {:.2f} с "
        "(токенов/с: {:.0f}), пик памяти {} (в буферах MLX {}), из них {} на одну порцию "
        "текстов (ожидалось "
        "{})\n",
        done_, stats_.tokens, stats_.load_seconds * 1e3, stats_.tokenize_seconds * 1e3,
        stats_.encode_seconds,
        static_cast<double>(stats_.tokens) / std::max(1e-9, stats_.encode_seconds),
        format_bytes(stats_.peak_private_bytes), format_bytes(stats_.mlx_peak_bytes),
        format_bytes(stats_.memory), format_bytes(stats_.predicted_memory)));
    print_copied_weights(stats_.copied_weight_bytes);
  }

 private:
  void warn_of_encoding() const {
    if (options_.common.quiet) return;
    say_note(words("text {}: is not UTF-8; its vector may be wrong",
                   "текст {}: это не UTF-8; вектор может быть неверным", done_ + 1));
  }

  void warn_if_cut(const engine::TextEmbedding& text) const {
    if (text.total_tokens == text.tokens || options_.common.quiet) return;
    say_note(words("text {}: only the first {} of its {} tokens were read, {} were cut off",
                   "текст {}: прочитаны только первые {} из {} токенов, отброшено {}", done_ + 1,
                   text.tokens, text.total_tokens, text.total_tokens - text.tokens));
  }

  void add(const engine::EmbeddingStats& stats) {
    stats_.load_seconds += stats.load_seconds;
    stats_.tokenize_seconds += stats.tokenize_seconds;
    stats_.encode_seconds += stats.encode_seconds;
    stats_.tokens += stats.tokens;
    stats_.copied_weight_bytes = stats.copied_weight_bytes;
    stats_.peak_private_bytes = std::max(stats_.peak_private_bytes, stats.peak_private_bytes);
    stats_.mlx_peak_bytes = std::max(stats_.mlx_peak_bytes, stats.mlx_peak_bytes);
    stats_.memory = std::max(stats_.memory, stats.memory);
    stats_.predicted_memory = std::max(stats_.predicted_memory, stats.predicted_memory);
  }

  const EmbedOptions& options_;
  std::filesystem::path model_;
  Interrupt interrupt_;
  engine::Embedder embedder_;
  std::size_t done_ = 0;
  engine::EmbeddingStats stats_;
};

void embed(EmbedOptions options) {
  if (!options.outputs.sparse && !options.outputs.colbert) options.outputs.dense = true;
  EmbedRun run(options);
  const auto input = std::ranges::count(options.texts, "-");
  if (input > 0 && options.texts.size() > 1) {
    throw Error(ErrorCode::kUsage,
                tr("- reads texts from standard input, and {} more were given",
                   "- читает тексты со стандартного ввода, а указаны и другие: {}",
                   options.texts.size() - 1),
                tr("give texts or -, not both", "укажите или тексты, или -"));
  }
  if (input > 0) {
    LineReader reader(STDIN_FILENO, run.stop_token());
    while (auto lines = reader.next()) run.embed(*std::move(lines));
  } else {
    run.embed(options.texts);
  }
  if (options.stats) run.print_stats();
}

}  // namespace

void add_embed(Command& program) {
  auto options = std::make_shared<EmbedOptions>();
  Command& command = program.add_command("embed", words("Turns texts into vectors for search.",
                                                        "Превращает тексты в векторы для поиска."));
  command.set_footer(words("Example:\n  oko embed \"good morning\" --dense --sparse --json",
                           "Пример:\n  oko embed \"доброе утро\" --dense --sparse --json"));
  command
      .add_argument("TEXT", &options->texts,
                    words("texts; - reads one a line from standard input",
                          "тексты; - читает по одному в строке со стандартного ввода"))
      .required();
  command
      .add_option("--model", &options->model,
                  words("name or folder of the model", "имя или папка модели"))
      .show_default();
  command.add_flag("--dense", &options->outputs.dense,
                   words("one vector a text (the default)", "один вектор на текст (по умолчанию)"));
  command.add_flag("--sparse", &options->outputs.sparse,
                   words("a weight for each token", "вес каждого токена"));
  command.add_flag("--colbert", &options->outputs.colbert,
                   words("a vector for each token", "вектор на каждый токен"));
  command.add_flag("--token-strings", &options->token_strings,
                   words("name tokens of sparse vectors by their text, not by number",
                         "называть токены разреженных векторов текстом, а не номером"));
  // An empty text counts, too: it turns the model's own prompt off.
  command.add_option("--prefix", &options->prefix,
                     words("put before each text (multilingual-e5: \"query: \" or \"passage: \"); "
                           "without: the model's own prompt, if it has one",
                           "поставить перед каждым текстом (multilingual-e5: \"query: \" или "
                           "\"passage: \"); без ключа: подсказка самой модели, если есть"));
  command
      .add_option("--max-tokens", &options->max_tokens,
                  words("read at most so many tokens of a text",
                        "читать не больше стольких токенов текста"))
      .range(3, 1'000'000);
  add_threads_option(command, options->threads);
  command.add_flag("--json", &options->json,
                   words("one JSON object a text", "по объекту JSON на текст"));
  command.add_flag("--stats", &options->stats,
                   words("times, tokens and memory", "время, токены и память"));
  add_common_options(command, options->common);
  command.on_run([options] { embed(*options); });
}

}  // namespace oko::cli
