#include "engine/embedder.h"

#include <algorithm>
#include <numeric>

#include "base/error.h"
#include "base/language.h"
#include "budget/peak_sampler.h"
#include "engine/stopwatch.h"

namespace oko::engine {

namespace bge = models::bge_m3;

namespace {

/// Of one pass, unless a single text has more: enough rows for the kernels, few enough for memory.
constexpr std::size_t kPassTokens = 2048;

}  // namespace

struct Embedder::Work {
  const EmbeddingRequest& request;
  const std::function<void(double)>& on_progress;
  std::stop_token stop;
  std::vector<std::vector<std::int32_t>> ids;  // of each text
  EmbeddingResult result;

  /// The texts by their length: those of a pass take about the same time.
  std::vector<std::size_t> shortest_first() const {
    std::vector<std::size_t> order(ids.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return ids[a].size() < ids[b].size(); });
    return order;
  }
};

Embedder::Embedder(EmbedderOptions options)
    : options_(std::move(options)),
      config_(bge::Config::load(options_.model)),
      tokenizer_(text::XlmrTokenizer::load(options_.model)),
      thread_(options_.threads) {}

Embedder::~Embedder() {
  thread_.run([this] { model_.reset(); });
}

EmbeddingResult Embedder::embed(const EmbeddingRequest& request, std::stop_token stop,
                                const std::function<void(double)>& on_progress) {
  const int most = config_.max_tokens();
  if (request.max_tokens != 0 && (request.max_tokens < 3 || request.max_tokens > most)) {
    throw Error(ErrorCode::kUsage,
                tr("max_tokens is {}, this model reads 3..{}",
                   "max_tokens — {}, модель читает 3..{}", request.max_tokens, most));
  }
  budget::PeakSampler memory;
  Work work{request, on_progress, std::move(stop), {}, {}};
  const Stopwatch tokenize;
  const auto limit = static_cast<std::size_t>(request.max_tokens != 0 ? request.max_tokens : most);
  for (const std::string& text : request.texts) {
    text::TokenizedText tokens = tokenizer_.encode(text, limit);
    work.result.texts.push_back({{}, tokens.ids.size(), tokens.total});
    work.result.stats.tokens += tokens.ids.size();
    work.ids.push_back(std::move(tokens.ids));
  }
  work.result.stats.tokenize_seconds = tokenize.seconds();
  thread_.run([&] { encode(work); });
  work.result.stats.peak_private_bytes = memory.peak_bytes();
  return std::move(work.result);
}

void Embedder::encode(Work& work) {
  EmbeddingStats& stats = work.result.stats;
  const Stopwatch load;
  if (model_ == nullptr) {
    model_ = bge::Model::load(options_.model);
    stats.load_seconds = load.seconds();
  }
  model_->require(work.request.outputs);
  const Stopwatch encode;
  const std::vector<std::size_t> order = work.shortest_first();
  std::size_t done = 0;
  for (std::size_t next = 0; next < order.size();) {
    bge::PackedTexts pass{{}, {0}};
    const std::size_t first = next;
    do {
      const std::vector<std::int32_t>& ids = work.ids[order[next++]];
      pass.ids.insert(pass.ids.end(), ids.begin(), ids.end());
      pass.cu_seqlens.push_back(static_cast<int>(pass.ids.size()));
    } while (next < order.size() && pass.ids.size() + work.ids[order[next]].size() <= kPassTokens);
    std::vector<bge::Encoding> encodings = model_->encode(pass, work.request.outputs, work.stop);
    for (std::size_t i = 0; i < encodings.size(); ++i) {
      work.result.texts[order[first + i]].encoding = std::move(encodings[i]);
    }
    done += pass.ids.size();
    if (work.on_progress) {
      work.on_progress(static_cast<double>(done) / static_cast<double>(stats.tokens));
    }
  }
  stats.encode_seconds = encode.seconds();
}

}  // namespace oko::engine
