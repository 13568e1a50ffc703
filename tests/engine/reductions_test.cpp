#include "engine/reductions.h"

#include <gtest/gtest.h>

#include "base/localized_text.h"

namespace oko::engine {
namespace {

using budget::Tag;

constexpr std::int64_t kPicture = 2'000'000;  // requested pixels

/// Memory in the proportions of a real request: pixels cost most, then the cache, then the chunk.
GenerationMemory memory_of(const GenerationSettings& settings, std::int64_t picture) {
  const std::int64_t pixels =
      settings.max_pixels > 0 ? std::min(settings.max_pixels, picture) : picture;
  GenerationMemory memory;
  memory.vision[Tag::kVision] = static_cast<std::uint64_t>(pixels) * 100;
  memory.prefill[Tag::kPrefill] = static_cast<std::uint64_t>(settings.prefill_chunk) * 100'000;
  memory.prefill[Tag::kKv] = static_cast<std::uint64_t>(settings.kv_bits) * 10'000'000;
  return memory;
}

GenerationSettings fit_into(std::uint64_t bytes, const GenerationSettings& asked = {},
                            const ReductionLimits& limits = {.largest_picture = kPicture}) {
  return reduce_to_fit(
      asked, limits,
      [&](const GenerationSettings& settings) {
        return memory_of(settings, limits.largest_picture);
      },
      [&](const budget::TagBytes& taken) { return taken.total() <= bytes; });
}

TEST(ReductionsTest, DoesNotReduceIfTheRequestFits) {
  const GenerationSettings settings = fit_into(300'000'000);
  EXPECT_TRUE(settings.reductions.empty());
  EXPECT_EQ(settings.prefill_chunk, 512);
  EXPECT_EQ(settings.kv_bits, 16);
  EXPECT_EQ(settings.max_pixels, 0);
}

TEST(ReductionsTest, ReducesTimeThenPrecisionThenDetail) {
  const GenerationSettings slower = fit_into(205'000'000);
  EXPECT_EQ(slower.prefill_chunk, 128);
  EXPECT_EQ(slower.kv_bits, 16);
  EXPECT_EQ(slower.reductions.size(), 1u);
  const GenerationSettings coarser =
      fit_into(100'000'000, {.kv_bits = 32}, {.largest_picture = 900'000});
  EXPECT_EQ(coarser.prefill_chunk, 128);
  EXPECT_EQ(coarser.kv_bits, 8);
  EXPECT_EQ(coarser.max_pixels, 0);
  const GenerationSettings smaller = fit_into(100'000'000);
  EXPECT_LT(smaller.max_pixels, 1'000'000);
  EXPECT_GT(smaller.max_pixels, 800'000);
  ASSERT_EQ(smaller.reductions.size(), 3u);
  EXPECT_EQ(smaller.reductions[0].what, "prefill_chunk");
  EXPECT_EQ(smaller.reductions[1].what, "kv_bits");
  EXPECT_EQ(smaller.reductions[2].what, "max_pixels");
  EXPECT_EQ(smaller.reductions[2].from, kPicture);
  EXPECT_EQ(smaller.reductions[2].to, smaller.max_pixels);
}

TEST(ReductionsTest, SkipsReductionsThatDoNotHelp) {
  const GenerationSettings settings = fit_into(250'000'000, {}, {.largest_picture = 4'000'000});
  EXPECT_LT(settings.max_pixels, 2'500'000);
  EXPECT_EQ(settings.kv_bits, 16);
  EXPECT_EQ(settings.prefill_chunk, 512);
  EXPECT_EQ(settings.reductions.size(), 1u);
}

TEST(ReductionsTest, KeepsCachePrecisionIfTheDeviceHasNoOther) {
  const GenerationSettings settings =
      fit_into(165'000'000, {}, {.largest_picture = 1'000'000, .least_kv_bits = 16});
  EXPECT_EQ(settings.kv_bits, 16);
}

TEST(ReductionsTest, ASmallChunkIsNotMadeLarger) {
  const GenerationSettings settings = fit_into(1'000'000, {.prefill_chunk = 64});
  EXPECT_EQ(settings.prefill_chunk, 64);
}

TEST(ReductionsTest, ReducesAsFarAsPossibleIfNothingFits) {
  const GenerationSettings settings = fit_into(1'000'000);
  EXPECT_EQ(settings.max_pixels, kLeastPixels);
  EXPECT_EQ(settings.kv_bits, 8);
  EXPECT_EQ(settings.prefill_chunk, kSmallChunk);
  // The memory of the reduced request is sufficient for it.
  const std::uint64_t least = memory_of(settings, kPicture).largest().total();
  EXPECT_LE(memory_of(fit_into(least), kPicture).largest().total(), least);
  const GenerationSettings small = fit_into(1'000'000, {}, {.largest_picture = 100'000});
  EXPECT_EQ(small.max_pixels, 0);
}

std::string english(const LocalizedText& text) {
  return text.in(Language::kEnglish, KnobStyle::kFlag);
}

TEST(ReductionsTest, AdviceNamesEachKnobThatHelps) {
  EXPECT_EQ(english(budget_hint({.budget_bytes = 100})),
            "use --budget 1MB; oko plan shows what fits");
  const LocalizedText hint = budget_hint({.max_pixels = 40'000,
                                          .max_tokens = 100,
                                          .option = format_text("{} off", Knob{"ocr"}),
                                          .budget_bytes = std::uint64_t{572} << 20});
  EXPECT_EQ(hint.in(Language::kRussian),
            "укажите max_tokens 100, max_pixels 40000, ocr off или budget 572MB; oko plan покажет, "
            "что помещается");
  EXPECT_EQ(english(hint),
            "use --max-tokens 100, --max-pixels 40000, --ocr off or --budget 572MB; oko plan shows "
            "what fits");
}

TEST(ReductionsTest, ReductionNamesNumbersAndItsOption) {
  const Reduction size{"max_pixels", 12'192'768, 1'218'560, ReductionReason::kDefaultSize};
  EXPECT_EQ(english(text_of(size)),
            "the picture is read at 1.2 megapixels instead of 12.2, which would take a GPU long; "
            "--max-pixels 12192768 reads it whole");
  EXPECT_EQ(english(text_of({"kv_bits", 16, 8})),
            "to fit the memory budget: --kv-bits 8 instead of 16");
  EXPECT_EQ(english(text_of({"prefill_chunk", 512, 128})),
            "to fit the memory budget, the prompt is read 128 tokens at a time instead of 512");
  EXPECT_EQ(text_of(size).in(Language::kRussian, KnobStyle::kFlag),
            "картинка прочитана в 1,2 Мп вместо 12,2: столько GPU читал бы долго; "
            "--max-pixels 12192768 прочитает её целиком");
}

TEST(ReductionsTest, DoesNotShrinkPicturesOfATextRequest) {
  const GenerationSettings settings = fit_into(1'000'000, {.kv_bits = 8}, {});
  EXPECT_EQ(settings.reductions.size(), 1u);
}

}  // namespace
}  // namespace oko::engine
