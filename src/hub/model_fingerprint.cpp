#include "hub/model_fingerprint.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <new>

#include "base/error.h"
#include "base/file.h"
#include "base/mapped_file.h"
#include "checkpoint/safetensors.h"
#include "checkpoint/weight_files.h"

namespace oko::hub {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kPartBytes = 4096;
constexpr std::uint64_t kPartsOfTensor = 3;
constexpr std::uint64_t kMaxSettingsBytes = 1'000'000;

class Hash {
 public:
  Hash() : state_(::XXH3_createState()) {
    if (!state_) throw std::bad_alloc();
    ::XXH3_128bits_reset(state_.get());
  }
  void add(const void* bytes, std::size_t size) {
    ::XXH3_128bits_update(state_.get(), bytes, size);
  }
  std::string text() const {
    const XXH128_hash_t hash = ::XXH3_128bits_digest(state_.get());
    return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
  }

 private:
  struct Free {
    void operator()(XXH3_state_t* state) const { ::XXH3_freeState(state); }
  };
  std::unique_ptr<XXH3_state_t, Free> state_;
};

void add_tensor(Hash& hash, const std::string& name, const checkpoint::TensorInfo& tensor,
                const std::byte* file) {
  hash.add(name.data(), name.size() + 1);
  const auto dtype = static_cast<std::uint8_t>(tensor.dtype);
  hash.add(&dtype, sizeof(dtype));
  hash.add(tensor.shape.data(), tensor.shape.size() * sizeof(tensor.shape[0]));
  const std::uint64_t part = std::min(kPartBytes, tensor.size);
  for (std::uint64_t i = 0; i < kPartsOfTensor; ++i) {
    const std::uint64_t at = (tensor.size - part) / (kPartsOfTensor - 1) * i;
    hash.add(file + tensor.offset + at, part);
  }
}

}  // namespace

std::string model_fingerprint(const fs::path& model_dir) {
  Hash hash;
  for (const checkpoint::SourceFile& source : checkpoint::find_weight_files(model_dir)) {
    const MappedFile file(source.path, ErrorCode::kBadModel);
    const auto tensors = checkpoint::parse_safetensors(file.bytes(), file.bytes().size(),
                                                       source.path.filename().string());
    for (const auto& [name, tensor] : tensors) {
      add_tensor(hash, name, tensor, file.bytes().data());
    }
  }
  for (const char* settings : {"modules.json", "1_Pooling/config.json"}) {
    if (!has_entry(model_dir / settings)) continue;
    const std::string text =
        read_file(model_dir / settings, kMaxSettingsBytes, ErrorCode::kBadModel);
    hash.add(text.data(), text.size());
  }
  return hash.text();
}

}  // namespace oko::hub
