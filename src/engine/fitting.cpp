#include "engine/fitting.h"

#include <algorithm>

#include "base/language.h"

namespace oko::engine {
namespace {

constexpr double kLeastPixels = 200'000;  // below, little can be seen in a picture
constexpr double kPixelStep = 0.8;

/// `fitting`, and what it has less of than `asked`.
Fitting with_reductions(const Fitting& asked, std::int64_t largest_picture, Fitting fitting) {
  const auto note = [&](const char* what, std::int64_t from, std::int64_t to) {
    if (to != from) fitting.reductions.push_back({what, from, to});
  };
  note("prefill_chunk", asked.prefill_chunk, fitting.prefill_chunk);
  note("kv_bits", asked.kv_bits, fitting.kv_bits);
  if (fitting.max_pixels != asked.max_pixels) {
    note("max_pixels", largest_picture, fitting.max_pixels);
  }
  return fitting;
}

}  // namespace

Fitting fit(const Fitting& asked, const FitLimits& limits, const EstimateOf& estimate_of,
            const std::function<bool(const budget::TagBytes&)>& fits) {
  const auto does_fit = [&](const Fitting& fitting) {
    return fits(estimate_of(fitting).largest());
  };
  if (does_fit(asked)) return asked;
  Fitting least = asked;
  least.prefill_chunk = std::min(asked.prefill_chunk, kSmallChunk);
  Fitting fitting = least;
  if (!does_fit(fitting)) {
    least.kv_bits = fitting.kv_bits = std::min(asked.kv_bits, limits.least_kv_bits);
    auto pixels = static_cast<double>(limits.largest_picture);
    while (!does_fit(fitting)) {
      pixels *= kPixelStep;
      if (pixels < kLeastPixels) return with_reductions(asked, limits.largest_picture, least);
      fitting.max_pixels = static_cast<std::int64_t>(pixels);
    }
  }
  // What was given first may not have helped.
  Fitting precise = fitting;
  precise.kv_bits = asked.kv_bits;
  if (does_fit(precise)) fitting = precise;
  Fitting fast = fitting;
  fast.prefill_chunk = asked.prefill_chunk;
  if (does_fit(fast)) fitting = fast;
  return with_reductions(asked, limits.largest_picture, fitting);
}

std::string text_of(const Reduction& reduction) {
  if (reduction.reason == ReductionReason::kDefaultSize) {
    return tr(
        "the picture is read at {:.1f} megapixels instead of {:.1f}, which would take a GPU "
        "long; --max-pixels {} reads it whole",
        "картинка прочитана в {:.1f} Мп вместо {:.1f}: столько GPU читал бы долго; "
        "--max-pixels {} прочитает её целиком",
        static_cast<double>(reduction.to) / 1e6, static_cast<double>(reduction.from) / 1e6,
        reduction.from);
  }
  return tr("to fit the memory budget: {} {} instead of {}",
            "чтобы уместиться в память: {} {} вместо {}", reduction.what, reduction.to,
            reduction.from);
}

std::string advice(bool has_pictures, int max_tokens) {
  std::string text = has_pictures ? tr("ask about fewer or smaller pictures, ",
                                       "спросите о меньшем числе картинок или о меньших, ")
                                  : tr("ask with a shorter text, ", "сократите запрос, ");
  text += tr("lower --max-tokens ({} now) or raise --budget; oko plan shows what fits",
             "уменьшите --max-tokens (сейчас {}) или увеличьте --budget; oko plan покажет, что "
             "помещается",
             max_tokens);
  return text;
}

}  // namespace oko::engine
