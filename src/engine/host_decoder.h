#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "engine/sampler.h"
#include "engine/speculative_decoder.h"

namespace oko::engine {

/// Chooses tokens from logits on the host:
///
///     next() until it has none, then observe(logits of reading next_tokens())
class HostDecoder {
 public:
  /// `logits`: one row, of the first token. `prompt` has been read by `sequence`, which must
  /// outlive this. `processors`: see Sampler.
  HostDecoder(models::qwen3_vl::SequenceState& sequence, std::span<const std::int32_t> prompt,
              const tensor::LogitRows& logits, const SamplingOptions& sampling, bool lookup,
              LogitsProcessors processors)
      : sampler_(sampling, prompt, std::move(processors)),
        speculative_(sequence, prompt, logits, lookup) {}

  /// The next token, if its logits are available. Throws kBadModel if they are not finite.
  std::optional<std::int32_t> next() {
    if (!has_logits_) return std::nullopt;
    const std::int32_t id = sampler_.sample(speculative_.logits());
    has_logits_ = speculative_.accept(id);
    return id;
  }

  /// The token that `next` returned last, if the options ask for reports.
  const TokenReport& report() const { return sampler_.report(); }

  /// The tokens that the model reads next, with guesses of those after them if `drafts`.
  std::vector<std::int32_t> next_tokens(bool drafts) { return speculative_.next_tokens(drafts); }

  /// The logits after each of these tokens: rows first .. of `rows`.
  void observe(const tensor::LogitRows& rows, std::size_t first) {
    speculative_.observe(rows, first);
    has_logits_ = true;
  }

  std::size_t length_read() const { return speculative_.length_read(); }
  int drafted_tokens() const { return speculative_.drafted_tokens(); }
  int accepted_draft_tokens() const { return speculative_.accepted_draft_tokens(); }

 private:
  Sampler sampler_;
  SpeculativeDecoder speculative_;
  bool has_logits_ = true;
};

}  // namespace oko::engine
