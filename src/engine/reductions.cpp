#include "engine/reductions.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/localized_text.h"
#include "budget/memory_size.h"

namespace oko::engine {
namespace {

constexpr double kPixelStep = 0.8;

/// `settings` with the reductions from `asked`.
GenerationSettings with_reductions(const GenerationSettings& asked, std::int64_t largest_picture,
                                   GenerationSettings settings) {
  const auto note = [&](const char* what, std::int64_t from, std::int64_t to) {
    if (to != from) settings.reductions.push_back({what, from, to});
  };
  note("prefill_chunk", asked.prefill_chunk, settings.prefill_chunk);
  note("kv_bits", asked.kv_bits, settings.kv_bits);
  if (settings.max_pixels != asked.max_pixels) {
    note("max_pixels", largest_picture, settings.max_pixels);
  }
  return settings;
}

}  // namespace

GenerationSettings reduce_to_fit(const GenerationSettings& asked, const ReductionLimits& limits,
                                 const EstimateOf& estimate_of,
                                 const std::function<bool(const budget::TagBytes&)>& fits) {
  const auto does_fit = [&](const GenerationSettings& settings) {
    return fits(estimate_of(settings).largest());
  };
  if (does_fit(asked)) return asked;
  GenerationSettings settings = asked;
  settings.prefill_chunk = std::min(asked.prefill_chunk, kSmallChunk);
  if (!does_fit(settings)) {
    settings.kv_bits = std::min(asked.kv_bits, limits.least_kv_bits);
    std::int64_t pixels = limits.largest_picture;
    while (!does_fit(settings)) {
      if (pixels <= kLeastPixels) return with_reductions(asked, limits.largest_picture, settings);
      pixels = std::max(kLeastPixels,
                        static_cast<std::int64_t>(kPixelStep * static_cast<double>(pixels)));
      settings.max_pixels = pixels;
    }
  }
  // Undo earlier reductions that the later one made unnecessary.
  GenerationSettings precise = settings;
  precise.kv_bits = asked.kv_bits;
  if (does_fit(precise)) settings = precise;
  GenerationSettings fast = settings;
  fast.prefill_chunk = asked.prefill_chunk;
  if (does_fit(fast)) settings = fast;
  return with_reductions(asked, limits.largest_picture, settings);
}

LocalizedText text_of(const Reduction& reduction) {
  if (reduction.reason == ReductionReason::kDefaultSize) {
    return tr(
        "the picture is read at {:.1f} megapixels instead of {:.1f}, which would take a GPU "
        "long; {} {} reads it whole",
        "картинка прочитана в {:.1f} Мп вместо {:.1f}: столько GPU читал бы долго; "
        "{} {} прочитает её целиком",
        static_cast<double>(reduction.to) / 1e6, static_cast<double>(reduction.from) / 1e6,
        Knob{"max_pixels"}, reduction.from);
  }
  if (reduction.what == "prefill_chunk") {
    return tr(
        "to fit the memory budget, the prompt is read {} tokens at a time instead of {}",
        "чтобы уместиться в память, запрос читается частями по {:токену|токена|токенов} вместо {}",
        Count(reduction.to), reduction.from);
  }
  return tr("to fit the memory budget: {} {} instead of {}",
            "чтобы уместиться в память: {} {} вместо {}", Knob{reduction.what}, reduction.to,
            reduction.from);
}

LocalizedText budget_hint(const Knobs& knobs) {
  std::vector<LocalizedText> ways;
  if (knobs.max_tokens > 0) {
    ways.push_back(format_text("{} {}", Knob{"max_tokens"}, knobs.max_tokens));
  }
  if (knobs.max_pixels > 0) {
    ways.push_back(format_text("{} {}", Knob{"max_pixels"}, knobs.max_pixels));
  }
  if (!knobs.option.empty()) ways.push_back(knobs.option);
  ways.push_back(
      format_text("{} {}", Knob{"budget"}, budget::memory_size_text(knobs.budget_bytes)));
  return tr("use {}; oko plan shows what fits", "укажите {}; oko plan покажет, что помещается",
            any_of(ways));
}

}  // namespace oko::engine
