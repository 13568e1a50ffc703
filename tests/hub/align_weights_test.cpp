#include "hub/align_weights.h"

#include <mlx/mlx.h>
#include <stdlib.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <fstream>
#include <set>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/stop_token.h"
#include "budget/process_memory.h"
#include "checkpoint/model_part.h"
#include "hub/file_lock.h"
#include "tensor/device.h"
#include "tensor/weights.h"
#include "tests/support/kept_memory.h"
#include "tests/support/random_models.h"
#include "tests/support/scratch_folder.h"
#include "tests/support/shifted_model.h"

namespace oko::hub {
namespace {

namespace fs = std::filesystem;
namespace mx = mlx::core;
using tensor::Weights;

/// Matrices of every type that MLX's checkpoints have, and vectors, with values of their own.
std::unordered_map<std::string, mx::array> some_tensors(int rows) {
  std::unordered_map<std::string, mx::array> tensors;
  const auto add = [&](const std::string& name, mx::Shape shape, mx::Dtype dtype) {
    std::size_t size = 1;
    for (const int length : shape) size *= static_cast<std::size_t>(length);
    std::vector<std::uint32_t> values(size);
    for (std::size_t i = 0; i < size; ++i) {
      values[i] = static_cast<std::uint32_t>(i * 2654435761U + name.size()) >> 25;  // up to 127
    }
    const mx::array whole(values.data(), std::move(shape), mx::uint32);
    tensors.emplace(name, mx::astype(whole, dtype));
  };
  add("language_model.model.layers.0.q_proj.weight", {rows, 64}, mx::uint32);
  add("language_model.model.layers.0.q_proj.scales", {rows, 16}, mx::bfloat16);
  add("language_model.model.layers.0.q_proj.biases", {rows, 16}, mx::float16);
  add("language_model.model.norm.weight", {48}, mx::bfloat16);
  add("vision_tower.blocks.0.weight", {rows, 64}, mx::float32);
  add("vision_tower.mask", {3}, mx::uint8);
  add("vision_tower.table", {rows, 5}, mx::uint8);
  return tensors;
}

class AlignWeightsTest : public ScratchFolderTest {
 protected:
  void SetUp() override {
    ScratchFolderTest::SetUp();
    tensor::select_device(tensor::Device::kCpu);
    ::setenv("OKO_HOME", (folder_ / "home").c_str(), 1);
  }

  /// A folder with `tensors` as MLX's own writer stores them, with a header `padding` bytes longer.
  fs::path save(const std::string& name, const std::unordered_map<std::string, mx::array>& tensors,
                std::size_t padding) const {
    fs::create_directories(folder_ / name);
    mx::save_safetensors((folder_ / name / "model.safetensors").string(), tensors,
                         {{"padding", std::string(padding, '.')}});
    return folder_ / name;
  }

  /// A model of one file whose tensors are misaligned.
  fs::path misaligned(const std::unordered_map<std::string, mx::array>& tensors) const {
    std::size_t padding = 0;
    while (aligned_copy_of(save("model", tensors, padding)).bytes == 0) ++padding;
    return folder_ / "model";
  }
  fs::path misaligned() const { return misaligned(some_tensors(16)); }

  /// Names in the folder of copies, the lock file left out.
  static std::set<std::string> copies() {
    std::set<std::string> names;
    std::error_code none;
    for (const auto& entry : fs::directory_iterator(checkpoint::aligned_folder(), none)) {
      if (entry.path().filename() != "lock") names.insert(entry.path().filename().string());
    }
    return names;
  }
};

void expect_values(const Weights& weights, const std::unordered_map<std::string, mx::array>& all) {
  for (const auto& [name, expected] : all) {
    const mx::array found = weights.get(name);
    EXPECT_EQ(found.shape(), expected.shape()) << name;
    EXPECT_EQ(found.dtype(), expected.dtype()) << name;
    EXPECT_TRUE(mx::array_equal(found, expected).item<bool>()) << name;
  }
}

TEST_F(AlignWeightsTest, CopiedFilesCostNoPrivateMemoryForAnyHeaderLength) {
  const auto tensors = some_tensors(1024);  // 0.6 MB a file
  std::vector<fs::path> models;
  std::set<std::uint64_t> residues;
  for (std::size_t padding = 0; padding < 64; ++padding) {
    models.push_back(save("model" + std::to_string(padding), tensors, padding));
    const auto files = checkpoint::find_weight_files(models.back());
    std::ifstream file(files[0].path, std::ios::binary);
    std::uint64_t header = 0;
    file.read(reinterpret_cast<char*>(&header), 8);
    residues.insert((8 + header) % 64);
  }
  ASSERT_EQ(residues.size(), 64U);
  expect_values(Weights::open(models[0]), tensors);  // MLX has started its threads

  const std::uint64_t before = budget::private_bytes();
  std::vector<Weights> open;
  std::vector<mx::array> arrays;
  for (const fs::path& model : models) {
    align_weights({.model = model});
    open.push_back(Weights::open(model));
    for (const auto& [name, array] : tensors) arrays.push_back(open.back().get(name));
    EXPECT_EQ(open.back().copied_bytes(), 0U);
  }
  std::uint64_t read = 0;
  for (const mx::array& array : arrays) {
    const auto* bytes = array.data<std::uint8_t>();
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(bytes) % array.itemsize(), 0U);
    for (std::size_t i = 0; i < array.nbytes(); i += 4096) read += bytes[i];
  }
  EXPECT_GT(read, 0U);
  // 38 MB of weights; 64 files have a page of their own each, and tables of names.
  EXPECT_LT(budget::private_bytes(), before + 8'000'000 + kKeptFreedBytes);
  for (const Weights& weights : open) expect_values(weights, tensors);
}

TEST_F(AlignWeightsTest, WithoutACopyMatricesAreReadInPlace) {
  const auto tensors = some_tensors(1024);
  const fs::path model = save("model", tensors, 0);
  std::vector<fs::path> models;
  for (std::size_t shift = 0; shift < 64; ++shift) {
    models.push_back(folder_ / ("shifted" + std::to_string(shift)));
    copy_shifted(model, models.back(), shift);
  }
  expect_values(Weights::open(models[1]), tensors);
  const std::uint64_t before = budget::private_bytes();
  std::vector<mx::array> arrays;
  for (const fs::path& path : models) {
    const Weights weights = Weights::open(path);
    EXPECT_LT(weights.copied_bytes(), 200U);
    for (const auto& [name, array] : tensors) {
      if (array.ndim() != 2) continue;
      arrays.push_back(weights.matrix(name, {array.shape(0), array.shape(1)}));
      const auto* bytes = static_cast<const std::byte*>(arrays.back().data<void>());
      EXPECT_EQ(std::memcmp(bytes, array.data<void>(), array.nbytes()), 0) << name;
    }
  }
  EXPECT_LT(budget::private_bytes(), before + 8'000'000 + kKeptFreedBytes);
}

TEST_F(AlignWeightsTest, WithoutACopyAGraphGetsCopiesThatAreCounted) {
  tensor::select_device(tensor::Device::kGraphOnCpu);
  const auto tensors = some_tensors(20'000);
  const Weights weights = Weights::open(misaligned(tensors));
  std::uint64_t bytes = 0;
  const std::uint64_t before = budget::private_bytes();
  std::vector<mx::array> arrays;
  for (const auto& [name, array] : tensors) {
    if (array.ndim() != 2) continue;
    arrays.push_back(weights.matrix(name, {array.shape(0), array.shape(1)}));
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(arrays.back().data<void>()) % array.itemsize(), 0U);
    EXPECT_TRUE(mx::array_equal(arrays.back(), array).item<bool>()) << name;
    if (array.dtype() != mx::uint8) bytes += array.nbytes();
  }
  EXPECT_GE(weights.copied_bytes(), bytes / 2);
  EXPECT_LE(weights.copied_bytes(), bytes + 200);
  if (kKeptFreedBytes == 0) {
    EXPECT_GT(budget::private_bytes() + 1'000'000, before + weights.copied_bytes());
  }
}

TEST_F(AlignWeightsTest, CopyIsMadeOnceAndTheModelsOwnFolderStays) {
  const auto tensors = some_tensors(16);
  const fs::path model = misaligned();
  const auto before = checkpoint::find_weight_files(model);
  std::uint64_t told = 0, bytes = 0;
  for (const auto& [name, array] : tensors) bytes += array.nbytes();
  EXPECT_EQ(aligned_copy_of(model).bytes, bytes);
  EXPECT_TRUE(
      align_weights({.model = model, .on_copy = [&](const fs::path& copy, std::uint64_t size) {
                       EXPECT_EQ(copy.parent_path(), folder_ / "home" / "aligned");
                       told = size;
                     }}));
  EXPECT_EQ(told, bytes);
  EXPECT_EQ(aligned_copy_of(model).bytes, 0U);
  EXPECT_FALSE(align_weights({.model = model}));
  ASSERT_EQ(copies().size(), 1U);
  EXPECT_TRUE(copies().begin()->starts_with("model-"));
  EXPECT_EQ(std::distance(fs::directory_iterator(model), {}), 1);
  EXPECT_TRUE(before[0].is_current());
  const Weights weights = Weights::open(model);
  EXPECT_EQ(weights.files().mapped.at(0)->path().filename(), *copies().begin());
  expect_values(weights, tensors);
}

TEST_F(AlignWeightsTest, AlignedModelsAreMappedAsTheyAre) {
  for (const fs::path& model :
       {RandomModels::get("qwen3-vl-small-4bit", 5), RandomModels::get("bge-m3-small-f32", 38),
        fs::path(OKO_SOURCE_DIR) / "demo" / "models" / "tiny-vl"}) {
    SCOPED_TRACE(model);
    EXPECT_EQ(aligned_copy_of(model).bytes, 0U);
    EXPECT_FALSE(align_weights({.model = model}));
    EXPECT_FALSE(fs::exists(checkpoint::aligned_folder()));
  }
}

TEST_F(AlignWeightsTest, ShardsBecomeOneSortedFile) {
  testing::make_random_model(
      {.shape = "qwen3-vl-small-4bit", .seed = 3, .max_shard_bytes = 500'000}, folder_ / "aligned");
  const fs::path model = folder_ / "shifted";
  copy_shifted(folder_ / "aligned", model, 3);
  ASSERT_TRUE(align_weights({.model = model}));
  const Weights shards = Weights::open(folder_ / "aligned");
  const Weights copy = Weights::open(model);
  ASSERT_GT(shards.files().mapped.size(), 1U);
  ASSERT_EQ(copy.files().mapped.size(), 1U);
  const MappedFile& file = *copy.files().mapped[0];
  const auto table = checkpoint::parse_safetensors(file.bytes(), file.bytes().size(), "copy");
  std::map<std::uint64_t, checkpoint::ModelPart> parts;
  for (const auto& [name, info] : table) {
    EXPECT_EQ(info.offset % 64, 0U) << name;
    parts[info.offset] = checkpoint::part_of(name);
    EXPECT_TRUE(mx::array_equal(copy.get(name), shards.get(name)).item<bool>()) << name;
  }
  EXPECT_TRUE(std::is_sorted(parts.begin(), parts.end(),
                             [](const auto& a, const auto& b) { return a.second < b.second; }));
  EXPECT_EQ(parts.rbegin()->second, checkpoint::ModelPart::kVision);
}

TEST_F(AlignWeightsTest, ReplacedModelGetsANewCopyAndTheOldOneIsRemoved) {
  const fs::path model = misaligned();
  ASSERT_TRUE(align_weights({.model = model}));
  const std::set<std::string> first = copies();
  const Weights old = Weights::open(model);
  EXPECT_TRUE(old.files().is_current());
  // Other values, the same size.
  auto tensors = some_tensors(16);
  tensors.at("vision_tower.mask") = mx::array({7, 8, 9}, mx::uint8);
  const auto size = fs::file_size(model / "model.safetensors");
  save("model", tensors, 0);
  shift_tensors(model / "model.safetensors", size - fs::file_size(model / "model.safetensors"));
  ASSERT_EQ(fs::file_size(model / "model.safetensors"), size);
  EXPECT_FALSE(old.files().is_current());
  EXPECT_EQ(Weights::open(model).files().mapped.at(0)->path(), model / "model.safetensors");
  EXPECT_TRUE(align_weights({.model = model}));
  EXPECT_EQ(copies().size(), 1U);
  EXPECT_NE(copies(), first);
  expect_values(Weights::open(model), tensors);
}

TEST_F(AlignWeightsTest, CopyOfAModelThatIsAlignedNowOrGoneIsRemoved) {
  const fs::path model = misaligned();
  ASSERT_TRUE(align_weights({.model = model}));
  fs::remove_all(model);
  fs::copy(RandomModels::get("bge-m3-small-f32", 38), model);
  EXPECT_FALSE(align_weights({.model = model}));
  EXPECT_TRUE(copies().empty());

  fs::remove_all(model);
  misaligned();
  ASSERT_TRUE(align_weights({.model = model}));
  fs::rename(model, folder_ / "elsewhere");
  ASSERT_TRUE(align_weights({.model = folder_ / "elsewhere"}));
  EXPECT_EQ(copies().size(), 1U);
  EXPECT_TRUE(copies().begin()->starts_with("elsewhere-"));
}

TEST_F(AlignWeightsTest, SnapshotsOfHuggingFaceGiveTheirModelsName) {
  const fs::path model = misaligned();
  const fs::path repository = folder_ / "hub" / "models--org--Small-1.5";
  const auto add_snapshot = [&](const std::string& revision) {
    fs::create_directories(repository / "snapshots");
    fs::copy(model, repository / "snapshots" / revision);
    return repository / "snapshots" / revision;
  };
  const fs::path old = add_snapshot("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
  const fs::path now = add_snapshot("0123456789abcdef0123456789abcdef01234567");
  const auto has_copies = [&](const std::vector<std::string>& names) {
    const std::set<std::string> all = copies();
    return all.size() == names.size() &&
           std::all_of(names.begin(), names.end(), [&](const std::string& name) {
             return std::any_of(all.begin(), all.end(), [&](const std::string& copy) {
               return copy.starts_with(name + "-");
             });
           });
  };
  ASSERT_TRUE(align_weights({.model = model}));
  ASSERT_TRUE(align_weights({.model = old}));
  // Without refs/main the older snapshot is unknown.
  ASSERT_TRUE(align_weights({.model = now}));
  EXPECT_TRUE(has_copies({"model", "org--Small-1_5-aaaaaaaa", "org--Small-1_5-01234567"}));
  fs::create_directories(repository / "refs");
  std::ofstream(repository / "refs" / "main") << now.filename().string();
  EXPECT_FALSE(align_weights({.model = old}));
  EXPECT_EQ(copies().size(), 3U);
  EXPECT_FALSE(align_weights({.model = now}));
  EXPECT_TRUE(has_copies({"model", "org--Small-1_5-01234567"}));
  EXPECT_EQ(Weights::open(now).copied_bytes(), 0u);
}

TEST_F(AlignWeightsTest, UseOfAnyModelRemovesCopiesOfModelsThatAreGone) {
  const fs::path model = misaligned();
  ASSERT_TRUE(align_weights({.model = model}));
  std::ofstream(checkpoint::aligned_folder() / "other-0.safetensors.aB3xYz") << "half of a file";
  std::ofstream(checkpoint::aligned_folder() / "notes.txt") << "the user's own";
  fs::remove_all(model);
  const fs::path aligned = RandomModels::get("bge-m3-small-f32", 38);
  {
    const FileLock busy(checkpoint::aligned_folder() / "lock", StopToken());
    EXPECT_FALSE(align_weights({.model = aligned}));  // does not wait
    EXPECT_EQ(copies().size(), 3U);
  }
  EXPECT_FALSE(align_weights({.model = aligned}));
  EXPECT_EQ(copies(), std::set<std::string>{"notes.txt"});
}

TEST_F(AlignWeightsTest, LeftoversAndDamagedCopiesAreReplaced) {
  const fs::path model = misaligned();
  ASSERT_TRUE(align_weights({.model = model}));
  const fs::path copy = checkpoint::aligned_folder() / *copies().begin();
  std::ofstream(copy.string() + ".aB3xYz") << "half of a file";
  fs::resize_file(copy, 1000);
  EXPECT_TRUE(align_weights({.model = model}));
  EXPECT_EQ(copies(), std::set<std::string>{copy.filename().string()});
  expect_values(Weights::open(model), some_tensors(16));
}

TEST_F(AlignWeightsTest, ADamagedCopyThatCannotBeReplacedDoesNotHideTheModel) {
  const fs::path model = misaligned();
  ASSERT_TRUE(align_weights({.model = model}));
  const fs::path copy = checkpoint::aligned_folder() / *copies().begin();
  fs::resize_file(copy, fs::file_size(copy) / 2);
  EXPECT_GT(Weights::open(model).copied_bytes(), 0u);
  fs::remove(copy);
  fs::create_directory(copy);
  EXPECT_GT(Weights::open(model).copied_bytes(), 0u);
}

TEST_F(AlignWeightsTest, CallersAtTheSameTimeMakeOneCopy) {
  const fs::path model = misaligned();
  std::atomic<int> made = 0;
  {
    std::vector<JoiningThread> threads;
    threads.reserve(4);
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] { made += align_weights({.model = model}) ? 1 : 0; });
    }
  }
  EXPECT_EQ(made, 1);
  EXPECT_EQ(copies().size(), 1U);
}

TEST_F(AlignWeightsTest, WaitingCallerCanBeStopped) {
  const fs::path model = misaligned();
  const StopSource stop;
  std::atomic<bool> inside = false, go = false;
  const JoiningThread writer([&] {
    align_weights({.model = model, .on_copy = [&](const fs::path&, std::uint64_t) {
                     inside = true;
                     while (!go) std::this_thread::yield();
                   }});
  });
  while (!inside) std::this_thread::yield();
  const JoiningThread stopper([&] { stop.request_stop(); });
  EXPECT_THROW(align_weights({.model = model, .stop = stop.get_token()}), Error);
  go = true;
}

TEST_F(AlignWeightsTest, StopLeavesNothing) {
  const fs::path model = misaligned();
  const StopSource stop;
  message_of(
      [&] {
        align_weights({.model = model,
                       .progress = [&](std::uint64_t, std::uint64_t) { stop.request_stop(); },
                       .stop = stop.get_token()});
      },
      ErrorCode::kCancelled);
  EXPECT_TRUE(copies().empty());
}

TEST_F(AlignWeightsTest, DiskThatFillsUpLeavesNothing) {
  const fs::path model = misaligned(some_tensors(1024));
  {
    const FileSizeLimit limit(300'000);
    message_of([&] { align_weights({.model = model}); }, ErrorCode::kFailed);
  }
  EXPECT_TRUE(copies().empty());
  EXPECT_TRUE(align_weights({.model = model}));
}

TEST_F(AlignWeightsTest, DiskWithTooLittleSpaceIsRefusedBeforeAnythingIsWritten) {
  if (fs::space(folder_).available > 7'000'000'000'000) GTEST_SKIP() << "this disk has the space";
  // A file that is a hole of 8 TB.
  const std::string header =
      R"({"a":{"dtype":"U32","shape":[2000000000,1000],"data_offsets":[0,8000000000000]}})";
  fs::create_directories(folder_ / "model");
  const fs::path file = folder_ / "model" / "model.safetensors";
  std::string start(8, '\0');
  start[0] = static_cast<char>(header.size() + 1);
  std::ofstream(file, std::ios::binary) << start << header << ' ';
  std::error_code error;
  fs::resize_file(file, start.size() + header.size() + 1 + 8'000'000'000'000, error);
  if (error) GTEST_SKIP() << "no file of 8 TB here: " << error.message();
  ASSERT_GT(aligned_copy_of(folder_ / "model").bytes, 0U);
  bool started = false;
  const std::string message = message_of(
      [&] {
        align_weights({.model = folder_ / "model",
                       .on_copy = [&](const fs::path&, std::uint64_t) { started = true; }});
      },
      ErrorCode::kFailed);
  EXPECT_NE(message.find("8000.1 GB are needed"), std::string::npos) << message;
  EXPECT_FALSE(started);
  EXPECT_TRUE(copies().empty());
}

TEST_F(AlignWeightsTest, FolderThatCannotBeWrittenIsAnErrorThatNamesIt) {
  const fs::path model = misaligned();
  std::ofstream(folder_ / "file") << "x";
  for (const fs::path& home : {folder_ / "file", fs::path("/proc/oko")}) {
    ::setenv("OKO_HOME", home.c_str(), 1);
    const std::string message =
        message_of([&] { align_weights({.model = model}); }, ErrorCode::kFailed);
    EXPECT_NE(message.find((home / "aligned").string()), std::string::npos) << message;
    const AlignedCopy copy = aligned_copy_of(model);
    EXPECT_GT(copy.bytes, 0u);
    EXPECT_NE(copy.obstacle, "") << home;
  }
}

}  // namespace
}  // namespace oko::hub
