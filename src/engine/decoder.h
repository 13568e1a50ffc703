#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "engine/generation.h"
#include "models/qwen3_vl/sequence.h"

namespace oko::engine {

/// Gives the tokens of an answer one by one.
class Decoder {
 public:
  virtual ~Decoder() = default;

  /// The next token; at most `max_tokens` calls. Throws kBadModel where logits are not numbers.
  virtual std::int32_t next() = 0;

  virtual int drafted_tokens() const { return 0; }   ///< guessed by lookup and read
  virtual int accepted_drafts() const { return 0; }  ///< of them, those that were chosen
};

/// `prompt` has been read by `sequence`, which must outlive the decoder; `logits`: of the token
/// after it, (1, vocab_size). In a graph tokens are chosen on the device, one ahead of the caller,
/// unless `request` needs logits on the host: for penalties, top_p and lookup.
std::unique_ptr<Decoder> make_decoder(models::qwen3_vl::Sequence& sequence,
                                      std::span<const std::int32_t> prompt,
                                      const tensor::mx::array& logits,
                                      const GenerationRequest& request, int max_tokens);

}  // namespace oko::engine
