#include "engine/fitting.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/language.h"
#include "budget/memory_size.h"

namespace oko::engine {
namespace {

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
  Fitting fitting = asked;
  fitting.prefill_chunk = std::min(asked.prefill_chunk, kSmallChunk);
  if (!does_fit(fitting)) {
    fitting.kv_bits = std::min(asked.kv_bits, limits.least_kv_bits);
    std::int64_t pixels = limits.largest_picture;
    while (!does_fit(fitting)) {
      if (pixels <= kLeastPixels) return with_reductions(asked, limits.largest_picture, fitting);
      pixels = std::max(kLeastPixels,
                        static_cast<std::int64_t>(kPixelStep * static_cast<double>(pixels)));
      fitting.max_pixels = pixels;
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

std::string advice(const Knobs& knobs) {
  std::string text;
  if (knobs.max_tokens > 0) text += fmt::format("--max-tokens {}, ", knobs.max_tokens);
  if (knobs.max_pixels > 0) text += fmt::format("--max-pixels {}, ", knobs.max_pixels);
  if (!knobs.option.empty()) text += knobs.option + ", ";
  if (!text.empty()) text.replace(text.size() - 2, 2, tr(" or ", " или "));
  return tr("use {}--budget {}; oko plan shows what fits",
            "укажите {}--budget {}; oko plan покажет, что помещается", text,
            budget::memory_size_text(knobs.budget_bytes));
}

}  // namespace oko::engine
