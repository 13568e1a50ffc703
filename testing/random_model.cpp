#include "testing/random_model.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <mutex>
#include <nlohmann/json.hpp>
#include <span>

#include "base/error.h"
#include "base/localized_text.h"
#include "checkpoint/safetensors_writer.h"
#include "hub/free_space.h"
#include "hub/output_folder.h"
#include "hub/parallel_blocks.h"
#include "testing/random_bge_m3.h"
#include "testing/random_qwen3_vl.h"

namespace oko::testing {
namespace {

using nlohmann::ordered_json;

constexpr std::uint64_t kBlockBytes = 4U << 20;   // of tensor data that one thread has at a time
constexpr std::uint64_t kSmallFiles = 32U << 20;  // the tokenizer and the settings, generously

/// The checkpoints of one architecture.
struct Family {
  std::vector<std::string> (*shapes)();
  RandomCheckpoint (*make)(const std::string& shape);
};
constexpr Family kFamilies[] = {{random_qwen3_vl_shapes, random_qwen3_vl},
                                {random_bge_m3_shapes, random_bge_m3}};

RandomCheckpoint make_checkpoint(const std::string& shape) {
  for (const Family& family : kFamilies) {
    const std::vector<std::string> shapes = family.shapes();
    if (std::find(shapes.begin(), shapes.end(), shape) != shapes.end()) return family.make(shape);
  }
  const std::string known = fmt::format("{}", fmt::join(random_model_shapes(), ", "));
  throw Error(ErrorCode::kUsage, tr("{}: unknown shape", "{}: неизвестная форма", shape),
              tr("known are {}", "известны {}", known));
}

/// Makes and writes the blocks of one file's tensors, in several threads.
class ShardMaker {
 public:
  ShardMaker(const RandomModelOptions& options, std::span<const RandomTensor> tensors,
             checkpoint::SafetensorsWriter& writer, std::uint64_t& done, std::uint64_t total)
      : options_(options), tensors_(tensors), writer_(writer), done_(done), total_(total) {
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      const std::uint64_t size = byte_size(tensors[i].declaration);
      for (std::uint64_t begin = 0; begin < size; begin += kBlockBytes) {
        blocks_.push_back({i, begin, std::min(kBlockBytes, size - begin)});
      }
    }
  }

  void run() {
    hub::for_each_block(blocks_.size(), 0, options_.stop,
                        [this](std::size_t i) { make(blocks_[i]); });
  }

 private:
  struct Block {
    std::size_t tensor = 0;
    std::uint64_t begin = 0;  ///< bytes
    std::uint64_t size = 0;   ///< bytes
  };

  void make(const Block& block) {
    const RandomTensor& tensor = tensors_[block.tensor];
    std::vector<std::byte> bytes(block.size);
    fill_random(tensor, options_.seed, block.begin / size_of(tensor.declaration.dtype), bytes);
    writer_.write(block.tensor, block.begin, bytes);
    const std::lock_guard lock(mutex_);
    done_ += block.size;
    if (options_.progress) options_.progress(done_, total_);
  }

  const RandomModelOptions& options_;
  std::span<const RandomTensor> tensors_;
  checkpoint::SafetensorsWriter& writer_;
  std::uint64_t& done_;
  std::uint64_t total_;
  std::vector<Block> blocks_;
  std::mutex mutex_;
};

/// Cuts the tensors, in their order, into runs of at most `max_bytes`, or of one tensor.
std::vector<std::span<const RandomTensor>> cut_into_shards(std::span<const RandomTensor> tensors,
                                                           std::uint64_t max_bytes) {
  if (max_bytes == 0) return {tensors};
  std::vector<std::span<const RandomTensor>> shards;
  std::size_t begin = 0;
  std::uint64_t size = 0;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const std::uint64_t next = byte_size(tensors[i].declaration);
    if (i > begin && next > max_bytes - std::min(size, max_bytes)) {
      shards.push_back(tensors.subspan(begin, i - begin));
      begin = i;
      size = 0;
    }
    size += next;
  }
  shards.push_back(tensors.subspan(begin));
  return shards;
}

void write_weights(const RandomModelOptions& options, std::span<const RandomTensor> tensors,
                   std::uint64_t total, hub::OutputFolder& folder) {
  const auto shards = cut_into_shards(tensors, options.max_shard_bytes);
  ordered_json weight_map;
  std::uint64_t done = 0;
  for (std::size_t i = 0; i < shards.size(); ++i) {
    const std::string name =
        options.max_shard_bytes == 0
            ? "model.safetensors"
            : fmt::format("model-{:05}-of-{:05}.safetensors", i + 1, shards.size());
    std::vector<checkpoint::TensorDeclaration> declarations;
    for (const RandomTensor& tensor : shards[i]) {
      declarations.push_back(tensor.declaration);
      weight_map[tensor.declaration.name] = name;
    }
    checkpoint::SafetensorsWriter writer(folder.path() / name, declarations);
    ShardMaker(options, shards[i], writer, done, total).run();
    writer.finish();
  }
  if (options.max_shard_bytes != 0) {
    folder.add_json("model.safetensors.index.json",
                    {{"metadata", {{"total_size", total}}}, {"weight_map", weight_map}});
  }
}

}  // namespace

std::vector<std::string> random_model_shapes() {
  std::vector<std::string> names;
  for (const Family& family : kFamilies) {
    for (std::string& name : family.shapes()) names.push_back(std::move(name));
  }
  return names;
}

void make_random_model(const RandomModelOptions& options, const std::filesystem::path& out) {
  const auto [tensors, files] = make_checkpoint(options.shape);
  std::uint64_t total = 0;
  for (const RandomTensor& tensor : tensors) total += byte_size(tensor.declaration);

  hub::OutputFolder folder(out);
  hub::require_free_space(folder.path(), total + kSmallFiles);
  write_weights(options, tensors, total, folder);
  for (const RandomFile& file : files) folder.add_json(file.name, file.content, file.indent);
  folder.keep();
}

}  // namespace oko::testing
