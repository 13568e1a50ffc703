// Any bytes as a PyTorch checkpoint, or as the pickle in a good one: either a table of tensors or
// oko::Error.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>

#include "base/error.h"
#include "checkpoint/torch_checkpoint.h"
#include "tests/checkpoint/torch_files.h"

namespace {

void parse(std::span<const std::byte> file) {
  try {
    for (const auto& [name, info] : oko::checkpoint::parse_torch_checkpoint(file, "fuzz")) {
      // Readers rely on this.
      if (info.size == 0 || info.offset > file.size() || info.size > file.size() - info.offset) {
        std::abort();
      }
    }
  } catch (const oko::Error&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace oko::checkpoint::torch_files;
  const auto bytes = std::as_bytes(std::span(data, size));
  parse(bytes);
  // The storages are those of tests/checkpoint/data/torch/module.pt: 48 bytes and then 16 each.
  std::vector<ZipItem> entries = items(std::string(reinterpret_cast<const char*>(data), size));
  for (const char* name : {"m/data/2", "m/data/3", "m/data/4"}) {
    entries.push_back({name, std::string(16, 'c')});
  }
  const std::string file = zip_file(entries);
  parse(std::as_bytes(std::span(file)));
  return 0;
}
