#include "engine/embedder.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "base/error.h"
#include "base/localized_text.h"
#include "budget/memory_meter.h"
#include "budget/memory_size.h"
#include "engine/largest.h"
#include "engine/stopwatch.h"
#include "models/bge_m3/memory_estimate.h"
#include "tensor/buffer_phases.h"
#include "tensor/device.h"
#include "text/lowercase.h"

namespace oko::engine {

namespace bge = models::bge_m3;

namespace {

/// Tokens of a pass, unless one text has more: enough rows for the kernels, fewer if memory is
/// short, at last each text alone.
constexpr std::size_t kPassTokens = 2048;
constexpr std::size_t kSmallPass = 512;
constexpr std::size_t kLeastPass = 1;
constexpr std::size_t kLeastTokens = 3;  // the least max_tokens

}  // namespace

struct Embedder::Task {
  const EmbeddingRequest& request;
  StopToken stop;
  std::vector<std::vector<std::int32_t>> ids;    // of each text
  std::vector<std::vector<std::size_t>> passes;  // the texts of each
  EmbeddingResult result;

  /// The texts of each pass, at most `pass_tokens` tokens unless a single text has more. Sorted by
  /// length, so that the texts of a pass take about the same time.
  void lay_out_passes(std::size_t pass_tokens) {
    std::vector<std::size_t> order(ids.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return ids[a].size() < ids[b].size(); });
    passes.clear();
    std::size_t tokens = 0;
    for (const std::size_t text : order) {
      tokens += ids[text].size();
      if (passes.empty() || tokens > pass_tokens) {
        passes.emplace_back();
        tokens = ids[text].size();
      }
      passes.back().push_back(text);
    }
  }

  std::size_t tokens_of(const std::vector<std::size_t>& texts) const {
    std::size_t tokens = 0;
    for (const std::size_t text : texts) tokens += ids[text].size();
    return tokens;
  }
};

Embedder::Embedder(EmbedderOptions options)
    : options_(std::move(options)),
      config_(bge::Config::load(options_.model)),
      tokenizer_(text::XlmrTokenizer::load(options_.model)),
      host_(host_or_own(options_.host, options_.threads)),
      loaded_(options_.model, options_.prepare_weights),
      registration_(*host_, loaded_, loaded_.needed_bytes()) {}

Embedder::~Embedder() = default;

EmbeddingResult Embedder::embed(const EmbeddingRequest& request, StopToken stop,
                                const std::function<void(double)>& on_progress) {
  const int most = config_.max_tokens();
  if (request.max_tokens != 0 && (request.max_tokens < 3 || request.max_tokens > most)) {
    throw Error(ErrorCode::kUsage,
                tr("max_tokens is {}, this model reads 3..{}",
                   "max_tokens — {}, модель читает 3..{}", request.max_tokens, most));
  }
  Task task{request, std::move(stop), {}, {}, {}};
  const Stopwatch tokenize;
  const auto limit = static_cast<std::size_t>(request.max_tokens != 0 ? request.max_tokens : most);
  const std::string& prompt = prompt_of(request);
  require_room_after(prompt, limit);
  for (const std::string& text : request.texts) {
    throw_if_stopped(task.stop);
    text::TokenizedText tokens = tokenized(prompt + text, limit);
    task.result.texts.push_back({{}, tokens.ids.size(), tokens.total});
    task.result.stats.tokens += tokens.ids.size();
    task.ids.push_back(std::move(tokens.ids));
  }
  task.result.stats.tokenize_seconds = tokenize.seconds();
  const std::unique_ptr<ModelLease> lease = admit(task);
  std::optional<budget::MemoryMeter> meter;
  if (request.measure_memory) meter.emplace();
  std::size_t done = 0;
  for (const std::vector<std::size_t>& texts : task.passes) {
    lease->run([&] { encode(task, texts); }, task.stop);
    done += task.tokens_of(texts);
    if (on_progress) {
      on_progress(static_cast<double>(done) / static_cast<double>(task.result.stats.tokens));
    }
  }
  if (meter) {
    task.result.stats.peak_private_bytes = meter->peak_bytes();
    task.result.stats.memory = meter->take_growth();
  }
  return std::move(task.result);
}

const std::string& Embedder::prompt_of(const EmbeddingRequest& request) const {
  const std::string& prompt = request.prompt ? *request.prompt : config_.modules.prompt;
  if (config_.modules.include_prompt || prompt.empty()) return prompt;
  throw Error(
      ErrorCode::kBadModel,
      tr("{}: the model leaves the tokens of a prompt out of its vectors (include_prompt is "
         "false), which oko does not do",
         "{}: модель не учитывает токены подсказки в векторах (include_prompt — false), oko "
         "так не умеет",
         options_.model.string()),
      tr("embed without a prompt: {} \"\"", "без подсказки: {} \"\"", Knob{"prefix"}));
}

text::TokenizedText Embedder::tokenized(const std::string& text, std::size_t limit) const {
  return tokenizer_.encode(config_.modules.do_lower_case ? text::lowercase(text) : text, limit);
}

/// Throws kUsage if the prompt leaves no token for the texts, which would all have one vector.
void Embedder::require_room_after(const std::string& prompt, std::size_t limit) const {
  if (prompt.empty()) return;
  const std::size_t tokens = tokenized(prompt, limit).total;
  if (tokens < limit) return;
  const std::size_t special = tokenized("", limit).total;
  throw Error(ErrorCode::kUsage,
              tr("the prefix leaves no room for the text: its tokens are {}, the limit is {} with "
                 "{} special ones",
                 "префикс не оставляет места для текста: токенов в нём {}, предел — {} вместе с "
                 "{} служебными",
                 tokens - special, limit, special),
              tr("use a shorter {}", "укажите {} короче", Knob{"prefix"}));
}

WorkMemory Embedder::memory_of(const Task& task) const {
  const bge::Outputs& outputs = task.request.outputs;
  std::size_t tokens = 0;
  for (const auto& texts : task.passes) tokens = std::max(tokens, task.tokens_of(texts));
  budget::TagBytes vectors, pass;
  vectors[budget::Tag::kEmbed] =
      bge::encoding_bytes(config_, task.ids.size(), task.result.stats.tokens, outputs);
  pass[budget::Tag::kEmbed] =
      bge::pass_bytes(config_, tokens, outputs, tensor::memory_model(config_.number_bytes));
  return {vectors, pass};
}

/// The hint if not even one text at a time fits.
LocalizedText Embedder::hint_for(const Task& task) const {
  std::size_t longest = 0;
  for (const auto& ids : task.ids) longest = std::max(longest, ids.size());
  const auto fits = [&](std::size_t texts, std::size_t tokens) {
    Task less{task.request, {}, {}, {}, {}};
    for (std::size_t i = 0; i < texts; ++i) {
      less.ids.emplace_back(std::min(tokens, task.ids[i].size()));
      less.result.stats.tokens += less.ids.back().size();
    }
    less.lay_out_passes(kLeastPass);
    return host_->fits_budget(registration_, memory_of(less).total());
  };
  std::vector<LocalizedText> ways;
  if (longest > kLeastTokens) {
    const std::size_t tokens = largest(
        kLeastTokens, longest - 1, [&](std::size_t count) { return fits(task.ids.size(), count); });
    if (tokens > 0) {
      ways.push_back(tr("{} {} (the longest text has {})", "{} {} (в самом длинном тексте {})",
                        Knob{"max_tokens"}, tokens, longest));
    }
  }
  if (task.ids.size() > 1) {
    const std::size_t texts = largest<std::size_t>(
        1, task.ids.size() - 1, [&](std::size_t count) { return fits(count, longest); });
    if (texts > 0) {
      ways.push_back(tr("the first {} of the {} texts at once",
                        "первые {} из {:текста|текстов|текстов} за раз", texts,
                        Count(task.ids.size())));
    }
  }
  const std::uint64_t least = host_->budget_for(registration_, memory_of(task).total());
  ways.push_back(format_text("{} {}", Knob{"budget"}, budget::memory_size_text(least)));
  return tr("use {}", "укажите {}", any_of(ways));
}

EmbeddingBudget Embedder::budget_for(std::size_t texts, std::size_t tokens,
                                     const bge::Outputs& outputs) const {
  const EmbeddingRequest request{.outputs = outputs};
  Task task{request, {}, {}, {}, {}};
  const std::size_t read = std::min(tokens, static_cast<std::size_t>(max_tokens()));
  task.ids.assign(texts, std::vector<std::int32_t>(read));
  task.result.stats.tokens = texts * read;
  const auto budget_with = [&](std::size_t pass_tokens) {
    task.lay_out_passes(pass_tokens);
    return host_->budget_for(registration_, memory_of(task).total());
  };
  return {.least = budget_with(kLeastPass), .fast = budget_with(kPassTokens)};
}

void Embedder::refuse(const Task& task) const {
  const std::uint64_t least = host_->budget_for(registration_, memory_of(task).total());
  const std::uint64_t of_all = task.request.least_budget;
  if (of_all > 0) throw budget::OverBudget(std::max(least, of_all), host_->budget_bytes());
  throw budget::OverBudget(least, host_->budget_bytes(), hint_for(task));
}

/// Reserves for passes as large as the budget allows.
std::unique_ptr<ModelLease> Embedder::admit(Task& task) {
  const auto fits_with = [&](std::size_t pass_tokens) {
    task.lay_out_passes(pass_tokens);
    return host_->fits_budget(registration_, memory_of(task).total());
  };
  if (!fits_with(kPassTokens) && !fits_with(kSmallPass) && !fits_with(kLeastPass)) refuse(task);
  const WorkMemory memory = memory_of(task);
  const budget::TagBytes bytes = memory.total();
  task.result.stats.predicted_memory = bytes.total();
  return host_->admit(registration_, memory, tr("raise {}", "увеличьте {}", Knob{"budget"}),
                      task.stop);
}

/// One pass, on the model thread: others may have their turn before the next one.
void Embedder::encode(Task& task, const std::vector<std::size_t>& texts) {
  EmbeddingStats& stats = task.result.stats;
  stats.load_seconds += loaded_.take_load_seconds();
  stats.copied_weight_bytes = loaded_.model().copied_weight_bytes();
  loaded_.model().require(task.request.outputs);
  const Stopwatch encode;
  tensor::BufferPhases buffers;
  buffers.begin(stats.predicted_memory);
  bge::PackedTexts pass{{}, {0}};
  for (const std::size_t text : texts) {
    pass.ids.insert(pass.ids.end(), task.ids[text].begin(), task.ids[text].end());
    pass.cu_seqlens.push_back(static_cast<int>(pass.ids.size()));
  }
  std::vector<bge::Encoding> encodings =
      loaded_.model().encode(pass, task.request.outputs, task.stop);
  for (std::size_t i = 0; i < encodings.size(); ++i) {
    task.result.texts[texts[i]].encoding = std::move(encodings[i]);
  }
  stats.encode_seconds += encode.seconds();
  stats.mlx_memory = std::max(stats.mlx_memory, buffers.take_peak());
  stats.mlx_peak_bytes = std::max(stats.mlx_peak_bytes, buffers.peak_bytes());
}

}  // namespace oko::engine
