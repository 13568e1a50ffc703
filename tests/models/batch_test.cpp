// Sequences in one batch give the same results as each alone.
#include <gtest/gtest.h>
#include <mlx/mlx.h>

#include <algorithm>

#include "base/fail_point.h"
#include "tests/models/prompted.h"
#include "tests/support/graph_device.h"

namespace oko::models::qwen3_vl {
namespace {

using Logits = std::vector<std::vector<float>>;
using tensor::Device;

std::vector<std::int32_t> some_tokens(int count, int seed) {
  std::vector<std::int32_t> ids;
  ids.reserve(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) ids.push_back((i * 37 + i * i + 11 * seed) % 900);
  return ids;
}

/// A model, and prompts of different lengths of which one has two pictures.
class BatchTest : public ::testing::TestWithParam<Device> {
 protected:
  BatchTest()
      : setup_({"qwen3_vl_small_f32_two_pictures", "qwen3-vl-small-f32"}, GetParam()),
        features_(setup_.encode()),
        prompts_{setup_.ids, some_tokens(5, 1), some_tokens(130, 2), some_tokens(1, 3),
                 some_tokens(47, 4)} {}

  const Model& model() const { return *setup_.model; }

  Sequence read(std::size_t prompt, tensor::cpu::KvType type, std::size_t chunk = 512) const {
    Sequence sequence(model(), {.initial_capacity = 8, .kv_type = type, .prefill_chunk = chunk});
    if (prompt == 0) {
      sequence.prefill(prompts_[0], features_);
    } else {
      sequence.prefill(prompts_[prompt], {});
    }
    return sequence;
  }

  Logits read_to_end(std::span<const PromptChunk> chunks) const {
    Logits logits;
    for (const mx::array& row : model().last_logits(model().read_chunks(chunks), chunks)) {
      logits.push_back(rows_of(row).front());
    }
    return logits;
  }

  PromptLayout layout(std::size_t prompt) const {
    std::vector<PromptImage> images;
    if (prompt == 0) {
      for (const Patches& picture : setup_.patches) images.push_back({picture.grid_thw});
    }
    return layout_prompt(prompts_[prompt], images, model().config());
  }

  /// Bitwise equal by the kernels; in a graph up to the order of sums.
  void expect_same(const std::vector<float>& actual, const std::vector<float>& expected) const {
    if (GetParam() == Device::kCpu) {
      EXPECT_EQ(actual, expected);
    } else {
      EXPECT_LE(relative_error(actual, expected), has_gpu() ? 5e-3 : 1e-5);
    }
  }

  void expect_same(const Logits& actual, const Logits& expected) const {
    ASSERT_EQ(actual.size(), expected.size());
    for (std::size_t i = 0; i < actual.size(); ++i) expect_same(actual[i], expected[i]);
  }

  Prompted setup_;
  std::vector<ImageFeatures> features_;
  std::vector<ImageFeatures> none_;
  std::vector<std::vector<std::int32_t>> prompts_;
};

TEST_P(BatchTest, SequencesDecodedTogetherGiveTheLogitsOfEachAlone) {
  for (const auto type :
       {tensor::cpu::KvType::kFloat32, tensor::cpu::KvType::kFloat16, tensor::cpu::KvType::kInt8}) {
    std::vector<Sequence> alone, together;
    for (std::size_t i = 0; i < prompts_.size(); ++i) {
      alone.push_back(read(i, type));
      together.push_back(read(i, type));
    }
    for (std::int32_t step = 0; step < 5; ++step) {
      std::vector<std::int32_t> ids;
      for (std::size_t i = 0; i < alone.size(); ++i) {
        ids.push_back((31 * step + 7 * static_cast<std::int32_t>(i)) % 900);
      }
      std::vector<NextTokens> next;
      Logits expected;
      for (std::size_t i = 0; i < alone.size(); ++i) {
        next.push_back({&together[i].state(), {&ids[i], 1}});
        expected.push_back(alone[i].decode(ids[i]));
      }
      expect_same(rows_of(model().read_next(next)), expected);
    }
  }
}

TEST_P(BatchTest, OneSequenceMayReadMoreTokensThanAnother) {
  Sequence first = read(1, tensor::cpu::KvType::kFloat16);
  Sequence second = read(0, tensor::cpu::KvType::kFloat16);
  const std::vector<std::int32_t> drafts{5, 90, 7, 300, 12}, others{3, 44};
  Logits expected;
  for (const std::int32_t id : drafts) expected.push_back(first.decode(id));
  for (const std::int32_t id : others) expected.push_back(second.decode(id));
  first.truncate(prompts_[1].size());
  second.truncate(prompts_[0].size());
  const NextTokens next[] = {{&first.state(), drafts}, {&second.state(), others}};
  expect_same(rows_of(model().read_next(next)), expected);
  EXPECT_EQ(first.length(), prompts_[1].size() + drafts.size());
  EXPECT_EQ(second.length(), prompts_[0].size() + others.size());
}

TEST_P(BatchTest, IdsThatStayOnTheDeviceGiveTheSame) {
  Sequence first = read(1, tensor::cpu::KvType::kFloat16);
  Sequence second = read(4, tensor::cpu::KvType::kFloat16);
  const Logits expected{first.decode(17), second.decode(801)};
  first.truncate(prompts_[1].size());
  second.truncate(prompts_[4].size());
  SequenceState* const sequences[] = {&first.state(), &second.state()};
  const mx::array ids[] = {mx::array({17}), mx::array({801})};
  const std::vector<mx::array> logits = model().read_next(sequences, ids);
  for (std::size_t i = 0; i < 2; ++i) expect_same(rows_of(logits[i]).front(), expected[i]);
}

/// Chunks of more than 8 tokens may be multiplied in another order than shorter ones.
TEST_P(BatchTest, APromptCutAtEveryTokenGivesTheLogitsOfTheWhole) {
  const PromptLayout prompt = layout(0);
  const std::vector<float> expected = Sequence(model(), exact(200)).prefill(prompts_[0], features_);
  Sequence other = read(1, tensor::cpu::KvType::kFloat32);
  const std::int32_t id = 90;
  const NextTokens between{&other.state(), {&id, 1}};
  for (std::size_t cut = 1; cut < prompt.size(); ++cut) {
    SequenceState sequence = model().make_sequence(16, tensor::cpu::KvType::kFloat32);
    const PromptChunk begin{&prompt, features_, 0, cut, &sequence};
    const PromptChunk rest{&prompt, features_, cut, prompt.size(), &sequence};
    model().read_chunks({&begin, 1});
    rows_of(model().read_next({&between, 1}));
    const std::vector<float> logits = read_to_end({&rest, 1}).front();
    EXPECT_LE(relative_error(logits, expected), has_gpu() ? 5e-3 : 1e-5) << "cut at " << cut;
  }
}

TEST_P(BatchTest, APrefixOfAnotherPromptMayBeUsedAgain) {
  const PromptLayout prompt = layout(0);
  const std::vector<float> expected = Sequence(model(), exact(200)).prefill(prompts_[0], features_);
  for (const std::size_t length :
       {std::size_t{1}, prompt.images[0].first + 3, prompt.images[1].first, prompt.size() - 1}) {
    Sequence before = read(0, tensor::cpu::KvType::kFloat32);
    SequenceState resumed = before.state().clone_prefix(length, prompt.size() - length);
    const PromptChunk rest{&prompt, features_, length, prompt.size(), &resumed};
    const std::vector<float> logits = read_to_end({&rest, 1}).front();
    EXPECT_LE(relative_error(logits, expected), has_gpu() ? 5e-3 : 1e-5) << length;
  }
}

TEST_P(BatchTest, AClonedPrefixContinuesLikeItsOriginal) {
  for (const auto type : {tensor::cpu::KvType::kFloat32, tensor::cpu::KvType::kInt8}) {
    Sequence original = read(0, type);
    SequenceState clone = original.state().clone_prefix(original.length(), 2);
    EXPECT_EQ(clone.length(), original.length());
    EXPECT_EQ(clone.bytes(), original.cache_bytes());
    original.decode(std::vector<std::int32_t>{1, 2, 3});  // of no consequence for the clone
    original.truncate(prompts_[0].size());
    for (const std::int32_t id : {7, 300, 12, 5, 44}) {  // more than the clone has room for
      const std::vector<float> expected = original.decode(id);
      const NextTokens next{&clone, {&id, 1}};
      expect_same(rows_of(model().read_next({&next, 1})).front(), expected);
    }
  }
}

/// The end of one prompt, a prompt with pictures and one that is cut, in each order.
TEST_P(BatchTest, PromptsReadTogetherGiveTheLogitsOfEachAlone) {
  const std::vector<PromptLayout> layouts{layout(0), layout(2), layout(4)};
  const std::vector<std::size_t> firsts{0, 40, 0}, lasts{layouts[0].size(), 130, 30};
  for (const auto type : {tensor::cpu::KvType::kFloat32, tensor::cpu::KvType::kInt8}) {
    std::vector<std::size_t> order{0, 1, 2};
    do {
      std::vector<SequenceState> alone, together;
      std::vector<PromptChunk> chunks;
      Logits expected;
      alone.reserve(order.size());
      together.reserve(order.size());
      for (const std::size_t i : order) {
        const std::vector<ImageFeatures>& pictures = i == 0 ? features_ : none_;
        for (auto* sequences : {&alone, &together}) {
          sequences->push_back(model().make_sequence(16, type));
          const PromptChunk begin{&layouts[i], pictures, 0, firsts[i], &sequences->back()};
          if (firsts[i] > 0) model().read_chunks({&begin, 1});
          chunks.push_back({&layouts[i], pictures, firsts[i], lasts[i], &sequences->back()});
        }
        expected.push_back(read_to_end({&chunks[chunks.size() - 2], 1}).front());
        chunks.erase(chunks.end() - 2);
      }
      expect_same(read_to_end(chunks), expected);
      const std::int32_t id = 90;
      for (std::size_t i = 0; i < order.size(); ++i) {
        const NextTokens next{&alone[i], {&id, 1}}, same{&together[i], {&id, 1}};
        expect_same(rows_of(model().read_next({&same, 1})), rows_of(model().read_next({&next, 1})));
      }
    } while (std::next_permutation(order.begin(), order.end()));
  }
}

TEST_P(BatchTest, AnUnknownTokenOfOneSequenceChangesNone) {
  Sequence first = read(1, tensor::cpu::KvType::kFloat16);
  Sequence second = read(2, tensor::cpu::KvType::kFloat16);
  const std::int32_t known = 5, unknown = 1'000'000;
  const NextTokens next[] = {{&first.state(), {&known, 1}}, {&second.state(), {&unknown, 1}}};
  EXPECT_THROW(model().read_next(next), Error);
  EXPECT_EQ(first.length(), prompts_[1].size());
  EXPECT_EQ(second.length(), prompts_[2].size());
}

#ifdef OKO_FAIL_POINTS
TEST_P(BatchTest, AnAllocationThatFailsLeavesTheSequencesAsTheyWere) {
  if (GetParam() != Device::kCpu) GTEST_SKIP() << "in a graph the sequences are of no use";
  Sequence first = read(1, tensor::cpu::KvType::kFloat16);
  Sequence second = read(2, tensor::cpu::KvType::kFloat16);
  const std::int32_t ids[] = {5, 90};
  const NextTokens next[] = {{&first.state(), {&ids[0], 1}}, {&second.state(), {&ids[1], 1}}};
  const Logits expected = rows_of(model().read_next(next));
  int failures = 0;
  for (std::uint64_t nth = 1;; nth += 7) {
    first.truncate(prompts_[1].size());
    second.truncate(prompts_[2].size());
    FailPoint::arm(nth);
    try {
      model().read_next(next);
      break;
    } catch (const Error&) {
      ++failures;
    }
    FailPoint::arm(0);
    EXPECT_EQ(first.length(), prompts_[1].size());
    EXPECT_EQ(rows_of(model().read_next(next)), expected) << "after allocation " << nth;
  }
  FailPoint::arm(0);
  EXPECT_GT(failures, 5);
}
#endif

std::string name_of(const ::testing::TestParamInfo<Device>& info) {
  return info.param == Device::kCpu ? "Kernels" : "Graph";
}

INSTANTIATE_TEST_SUITE_P(Devices, BatchTest, ::testing::Values(Device::kCpu, graph_device()),
                         name_of);

}  // namespace
}  // namespace oko::models::qwen3_vl
