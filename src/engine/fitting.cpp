#include "engine/fitting.h"

#include <type_traits>

#include "base/language.h"

namespace oko::engine {
namespace {

constexpr int kSmallChunk = 128;                // tokens
constexpr std::int64_t kLeastPixels = 200'000;  // below, little can be seen in a picture
constexpr double kPixelStep = 0.8;

}  // namespace

Fitting fit(const Fitting& asked, const EstimateOf& estimate_of,
            const std::function<bool(const budget::TagBytes&)>& fits) {
  const auto does_fit = [&](const Fitting& fitting) {
    return fits(estimate_of(fitting).largest());
  };
  Fitting fitting = asked;
  const auto reduce = [&](const char* what, std::int64_t from, auto& value, std::int64_t to) {
    value = static_cast<std::remove_reference_t<decltype(value)>>(to);
    fitting.reductions.push_back({what, from, to});
  };
  if (does_fit(fitting)) return fitting;
  reduce("prefill_chunk", fitting.prefill_chunk, fitting.prefill_chunk, kSmallChunk);
  if (does_fit(fitting)) return fitting;
  if (fitting.kv_bits > 8) {
    reduce("kv_bits", fitting.kv_bits, fitting.kv_bits, 8);
    if (does_fit(fitting)) return fitting;
  }
  Fitting smaller = fitting;
  smaller.reductions.push_back({"max_pixels", asked.max_pixels, asked.max_pixels});
  while (static_cast<double>(smaller.max_pixels) * kPixelStep >= kLeastPixels) {
    smaller.max_pixels =
        static_cast<std::int64_t>(static_cast<double>(smaller.max_pixels) * kPixelStep);
    smaller.reductions.back().to = smaller.max_pixels;
    if (does_fit(smaller)) return smaller;
  }
  return fitting;
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
