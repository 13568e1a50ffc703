#include "tensor/token_choice.h"

#include <mlx/array.h>
#include <mlx/ops.h>
#include <mlx/random.h>
#include <mlx/transforms.h>

#include <cmath>
#include <limits>
#include <optional>

namespace oko::tensor {
namespace {

/// Follows the rules of engine::Sampler, which works on the host.
mx::array draw(const mx::array& logits, const mx::array& largest, const TokenChoiceOptions& options,
               std::uint64_t key) {
  const int vocab_size = logits.shape(1);
  mx::array weights = mx::divide(mx::subtract(mx::astype(logits, mx::float32), largest),
                                 mx::array(options.temperature));
  const auto keep_from = [&](const mx::array& least) {
    weights = mx::where(mx::greater_equal(weights, least), weights,
                        mx::array(-std::numeric_limits<float>::infinity()));
  };
  if (options.top_k > 0 && options.top_k < vocab_size) {
    const int place = vocab_size - options.top_k;
    keep_from(mx::slice(mx::partition(weights, place, -1), {0, place}, {1, place + 1}));
  }
  if (options.min_p > 0) keep_from(mx::array(std::log(options.min_p)));
  return mx::random::categorical(weights, -1, mx::random::key(key));
}

}  // namespace

TokenChoice::TokenChoice(const mx::array& logits, const TokenChoiceOptions& options,
                         std::uint64_t key)
    : largest_logit_(mx::astype(mx::max(logits, -1), mx::float32)),
      id_(options.temperature > 0 ? draw(logits, largest_logit_, options, key)
                                  : mx::argmax(logits, -1)) {
  mx::async_eval({id_, largest_logit_});
}

std::int32_t TokenChoice::read_id() {
  return static_cast<std::int32_t>(id_.item<std::uint32_t>());
}

float TokenChoice::read_largest_logit() {
  return largest_logit_.item<float>();
}

void TokenChoice::wait() noexcept {
  try {
    mx::eval({id_, largest_logit_});
  } catch (...) {  // NOLINT(bugprone-empty-catch): nobody reads the answer
  }
}

}  // namespace oko::tensor
