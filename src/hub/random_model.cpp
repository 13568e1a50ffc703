#include "hub/random_model.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <span>
#include <system_error>
#include <thread>

#include "base/error.h"
#include "base/file.h"
#include "base/language.h"
#include "hub/free_space.h"
#include "hub/random_shapes.h"
#include "hub/random_tokenizer.h"
#include "tensor/safetensors_writer.h"

namespace oko::hub {
namespace {

using nlohmann::ordered_json;

constexpr std::uint64_t kBlockBytes = 4U << 20;   // of tensor data in one thread's hands
constexpr std::uint64_t kSmallFiles = 32U << 20;  // the tokenizer and the settings, generously

const RandomShape& find_shape(const std::string& name) {
  const auto& shapes = random_shapes();
  const auto found = std::find_if(shapes.begin(), shapes.end(),
                                  [&](const RandomShape& shape) { return shape.name == name; });
  if (found != shapes.end()) return *found;
  const std::string known = fmt::format("{}", fmt::join(random_model_shapes(), ", "));
  throw Error(ErrorCode::kUsage, tr("{}: unknown shape", "{}: неизвестная форма", name),
              tr("known are {}", "известны {}", known));
}

/// The files of a model in the making: they are removed unless `keep` is called.
class OutputFolder {
 public:
  explicit OutputFolder(const std::filesystem::path& path) : path_(path) {
    std::error_code error;
    made_ = std::filesystem::create_directories(path_, error);
    const bool empty = !error && std::filesystem::is_empty(path_, error);
    if (error) {
      const std::string reason = error.message();
      throw Error(ErrorCode::kFailed, tr("{}: the folder cannot be used: {}",
                                         "{}: папка непригодна: {}", path_.string(), reason));
    }
    if (!empty) {
      throw Error(ErrorCode::kUsage,
                  tr("{}: the folder is not empty", "{}: папка не пуста", path_.string()),
                  tr("name a new folder", "укажите новую папку"));
    }
  }
  ~OutputFolder() {
    std::error_code ignored;
    for (const auto& file : files_) std::filesystem::remove(file, ignored);
    if (made_ && !kept_) std::filesystem::remove(path_, ignored);
  }
  OutputFolder(const OutputFolder&) = delete;
  OutputFolder& operator=(const OutputFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }

  /// A file that is about to be written.
  std::filesystem::path add(const std::string& name) {
    files_.push_back(path_ / name);
    return files_.back();
  }

  void add_json(const std::string& name, const ordered_json& value, int indent = 2) {
    write_file_atomically(add(name), value.dump(indent) + "\n");
  }

  void keep() {
    files_.clear();
    kept_ = true;
  }

 private:
  std::filesystem::path path_;
  std::vector<std::filesystem::path> files_;
  bool made_ = false;
  bool kept_ = false;
};

/// Makes and writes the blocks of one file's tensors, in several threads.
class ShardMaker {
 public:
  ShardMaker(const RandomModelOptions& options, std::span<const RandomTensor> tensors,
             tensor::SafetensorsWriter& writer, std::uint64_t& done, std::uint64_t total)
      : options_(options), tensors_(tensors), writer_(writer), done_(done), total_(total) {
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      const std::uint64_t size = byte_size(tensors[i].declaration);
      for (std::uint64_t begin = 0; begin < size; begin += kBlockBytes) {
        blocks_.push_back({i, begin, std::min(kBlockBytes, size - begin)});
      }
    }
  }

  void run() {
    const std::size_t count =
        std::min<std::size_t>(std::max(1U, std::thread::hardware_concurrency()), blocks_.size());
    {
      std::vector<std::jthread> threads;
      for (std::size_t i = 0; i < count; ++i) threads.emplace_back([this] { work(); });
    }
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  struct Block {
    std::size_t tensor = 0;
    std::uint64_t begin = 0;  ///< bytes
    std::uint64_t size = 0;   ///< bytes
  };

  void work() {
    try {
      std::vector<std::byte> bytes(kBlockBytes);
      for (std::size_t i = next_++; i < blocks_.size(); i = next_++) {
        if (options_.stop.stop_requested()) {
          throw Error(ErrorCode::kCancelled, tr("stopped", "остановлено"));
        }
        make(blocks_[i], bytes);
      }
    } catch (...) {
      next_ = blocks_.size();
      const std::lock_guard lock(mutex_);
      if (!failure_) failure_ = std::current_exception();
    }
  }

  void make(const Block& block, std::span<std::byte> bytes) {
    const RandomTensor& tensor = tensors_[block.tensor];
    const auto out = bytes.first(block.size);
    fill_random(tensor, options_.seed, block.begin / size_of(tensor.declaration.dtype), out);
    writer_.write(block.tensor, block.begin, out);
    const std::lock_guard lock(mutex_);
    done_ += block.size;
    if (options_.progress) options_.progress(done_, total_);
  }

  const RandomModelOptions& options_;
  std::span<const RandomTensor> tensors_;
  tensor::SafetensorsWriter& writer_;
  std::uint64_t& done_;
  std::uint64_t total_;
  std::vector<Block> blocks_;
  std::atomic<std::size_t> next_ = 0;
  std::mutex mutex_;
  std::exception_ptr failure_;
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
                   std::uint64_t total, OutputFolder& folder) {
  const auto shards = cut_into_shards(tensors, options.max_shard_bytes);
  ordered_json weight_map;
  std::uint64_t done = 0;
  for (std::size_t i = 0; i < shards.size(); ++i) {
    const std::string name =
        options.max_shard_bytes == 0
            ? "model.safetensors"
            : fmt::format("model-{:05}-of-{:05}.safetensors", i + 1, shards.size());
    std::vector<tensor::TensorDeclaration> declarations;
    for (const RandomTensor& tensor : shards[i]) {
      declarations.push_back(tensor.declaration);
      weight_map[tensor.declaration.name] = name;
    }
    tensor::SafetensorsWriter writer(folder.add(name), declarations);
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
  for (const RandomShape& shape : random_shapes()) names.push_back(shape.name);
  return names;
}

void make_random_model(const RandomModelOptions& options, const std::filesystem::path& out) {
  const RandomShape& shape = find_shape(options.shape);
  const std::vector<RandomTensor> tensors = random_tensors(shape);
  std::uint64_t total = 0;
  for (const RandomTensor& tensor : tensors) total += byte_size(tensor.declaration);

  OutputFolder folder(out);
  require_free_space(folder.path(), total + kSmallFiles);
  write_weights(options, tensors, total, folder);
  folder.add_json("tokenizer.json", random_tokenizer(shape), /*indent=*/-1);
  folder.add_json("tokenizer_config.json", random_tokenizer_config(shape));
  folder.add_json("preprocessor_config.json", random_preprocessor_config(shape));
  folder.add_json("generation_config.json", random_generation_config(shape));
  folder.add_json("config.json", random_config(shape));
  folder.keep();
}

}  // namespace oko::hub
