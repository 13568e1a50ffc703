#include "engine/decoder.h"

#include <optional>
#include <utility>

#include "engine/continuation.h"
#include "engine/device_decoder.h"
#include "engine/sampler.h"
#include "tensor/device.h"

namespace oko::engine {

namespace qwen = models::qwen3_vl;

namespace {

/// Chooses from logits that have come to the host.
class HostDecoder : public Decoder {
 public:
  HostDecoder(qwen::Sequence& sequence, std::span<const std::int32_t> prompt,
              const tensor::mx::array& logits, const GenerationRequest& request)
      : sampler_(request.sampling, prompt),
        continuation_(sequence, prompt, std::move(qwen::rows_of(logits).front()), request.lookup) {}

  std::int32_t next() override {
    if (last_) continuation_.accept(*last_);
    last_ = sampler_.sample(continuation_.logits());
    return *last_;
  }

  int drafted_tokens() const override { return continuation_.drafted_tokens(); }
  int accepted_drafts() const override { return continuation_.accepted_drafts(); }

 private:
  Sampler sampler_;
  Continuation continuation_;
  std::optional<std::int32_t> last_;
};

}  // namespace

std::unique_ptr<Decoder> make_decoder(qwen::Sequence& sequence,
                                      std::span<const std::int32_t> prompt,
                                      const tensor::mx::array& logits,
                                      const GenerationRequest& request, int max_tokens) {
  if (tensor::uses_graph() && !request.lookup && DeviceDecoder::can_choose(request.sampling)) {
    return std::make_unique<DeviceDecoder>(sequence, logits, request.sampling, max_tokens);
  }
  return std::make_unique<HostDecoder>(sequence, prompt, logits, request);
}

}  // namespace oko::engine
