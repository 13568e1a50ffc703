#include "engine/fitting.h"

#include <gtest/gtest.h>

namespace oko::engine {
namespace {

using budget::Tag;

/// Memory as a real request has it: pixels cost most, then the cache, then the chunk.
GenerationMemory estimate_of(const Fitting& fitting) {
  GenerationMemory memory;
  memory.vision[Tag::kVision] = static_cast<std::uint64_t>(fitting.max_pixels) * 100;
  memory.prefill[Tag::kPrefill] = static_cast<std::uint64_t>(fitting.prefill_chunk) * 100'000;
  memory.prefill[Tag::kKv] = static_cast<std::uint64_t>(fitting.kv_bits) * 10'000'000;
  return memory;
}

Fitting fit_into(std::uint64_t bytes, Fitting asked = {.kv_bits = 16, .max_pixels = 2'000'000}) {
  return fit(asked, estimate_of,
             [&](const budget::TagBytes& taken) { return taken.total() <= bytes; });
}

TEST(FittingTest, WhatFitsIsDoneAsAsked) {
  const Fitting fitting = fit_into(300'000'000);
  EXPECT_TRUE(fitting.reductions.empty());
  EXPECT_EQ(fitting.prefill_chunk, 512);
  EXPECT_EQ(fitting.kv_bits, 16);
  EXPECT_EQ(fitting.max_pixels, 2'000'000);
}

TEST(FittingTest, TimeIsGivenBeforePrecisionAndPrecisionBeforeDetail) {
  const Fitting slower = fit_into(205'000'000);
  EXPECT_EQ(slower.prefill_chunk, 128);
  EXPECT_EQ(slower.kv_bits, 16);
  EXPECT_EQ(slower.reductions.size(), 1u);
  const Fitting coarser = fit_into(200'000'000, {.kv_bits = 32, .max_pixels = 2'000'000});
  EXPECT_EQ(coarser.kv_bits, 8);
  EXPECT_EQ(coarser.max_pixels, 2'000'000);
  const Fitting smaller = fit_into(150'000'000);
  EXPECT_LT(smaller.max_pixels, 1'500'000);
  EXPECT_GT(smaller.max_pixels, 1'100'000);
  ASSERT_EQ(smaller.reductions.size(), 3u);
  EXPECT_EQ(smaller.reductions[0].what, "prefill_chunk");
  EXPECT_EQ(smaller.reductions[1].what, "kv_bits");
  EXPECT_EQ(smaller.reductions[2].what, "max_pixels");
  EXPECT_EQ(smaller.reductions[2].from, 2'000'000);
  EXPECT_EQ(smaller.reductions[2].to, smaller.max_pixels);
}

TEST(FittingTest, WhatNeverFitsKeepsItsPictures) {
  const Fitting fitting = fit_into(1'000'000);
  EXPECT_EQ(fitting.max_pixels, 2'000'000);
  EXPECT_EQ(fitting.kv_bits, 8);
}

TEST(FittingTest, WithoutPicturesNoneAreMadeSmaller) {
  const Fitting fitting = fit_into(1'000'000, {.kv_bits = 8});
  EXPECT_EQ(fitting.reductions.size(), 1u);
}

}  // namespace
}  // namespace oko::engine
