#include <cstddef>
#include <cstdint>
#include <span>

#include "base/error.h"
#include "image/image.h"

/// Arbitrary bytes as a picture file: its kind, the description of other files, and the checks of
/// the header. Decodes a BMP too: its reader is oko's own.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace oko;
  const auto bytes = std::as_bytes(std::span(data, size));
  const image::Limits limits{.max_pixels = 10'000, .max_file_bytes = 100'000};
  image::describe_head(bytes);
  try {
    image::read_header(bytes, "fuzz", limits);
  } catch (const Error&) {
  }
  try {
    if (image::sniff(bytes) == image::Format::kBmp) image::decode(bytes, "fuzz", limits);
  } catch (const Error&) {
  }
  return 0;
}
