#include "hub/padded_header.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "checkpoint/safetensors.h"

namespace oko::hub {
namespace {

constexpr std::size_t kLengthBytes = 8;
constexpr std::uint64_t kMaxHeader = 8'000'000;
constexpr std::uint64_t kBlock = 64;  // where SafetensorsWriter begins its data, too

/// The length of the header's text, little-endian.
std::array<std::byte, kLengthBytes> length_bytes(std::uint64_t length) {
  std::array<std::byte, kLengthBytes> bytes{};
  for (std::byte& each : bytes) {
    each = static_cast<std::byte>(length & 0xFF);
    length >>= 8;
  }
  return bytes;
}

bool are_aligned(const checkpoint::TensorTable& tensors, std::uint64_t shift) {
  return std::all_of(tensors.begin(), tensors.end(), [&](const auto& tensor) {
    return (tensor.second.offset + shift) % checkpoint::size_of(tensor.second.dtype) == 0;
  });
}

}  // namespace

std::optional<std::uint64_t> header_end(std::span<const std::byte> first_bytes,
                                        std::uint64_t file_size) {
  std::uint64_t length = 0;
  for (std::size_t i = kLengthBytes; i-- > 0;) {
    length = length << 8 | std::to_integer<std::uint64_t>(first_bytes[i]);
  }
  if (length > kMaxHeader || length + kLengthBytes > file_size) return std::nullopt;
  return length + kLengthBytes;
}

Padding padding_of(std::span<const std::byte> header, std::uint64_t file_size) {
  const Padding none{header.size(), 0};
  try {
    const auto tensors = checkpoint::parse_safetensors(header, file_size, "");
    if (are_aligned(tensors, 0)) return none;
    const std::uint64_t to_block = (kBlock - header.size() % kBlock) % kBlock;
    for (std::uint64_t more = 0; more < kBlock; ++more) {
      const std::uint64_t count = (to_block + more) % kBlock;
      if (are_aligned(tensors, count)) return {header.size(), count};
    }
  } catch (const Error&) {
    return none;  // whoever loads the model says what is wrong
  }
  return none;
}

std::string padded(std::span<const std::byte> header, const Padding& padding) {
  const auto length = length_bytes(header.size() - kLengthBytes + padding.count);
  std::string text(reinterpret_cast<const char*>(length.data()), length.size());
  text.append(reinterpret_cast<const char*>(header.data()) + kLengthBytes,
              header.size() - kLengthBytes);
  return text.append(padding.count, ' ');
}

void unpad_length(std::span<std::byte> bytes, std::uint64_t offset, const Padding& padding) {
  const auto length = length_bytes(padding.at - kLengthBytes);
  for (std::size_t i = 0; i < bytes.size() && offset + i < length.size(); ++i) {
    bytes[i] = length[offset + i];
  }
}

}  // namespace oko::hub
