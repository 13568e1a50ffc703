#include "engine/reductions.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/language.h"
#include "budget/memory_size.h"

namespace oko::engine {
namespace {

constexpr double kPixelStep = 0.8;

/// `settings`, and what it has less of than `asked`.
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

std::string budget_hint(const Knobs& knobs) {
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
