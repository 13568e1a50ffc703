#include "document/deflate.h"

#include <zlib.h>

#include <array>

#include "base/error.h"
#include "base/localized_text.h"

namespace oko::document {

std::string deflated(std::string_view bytes) {
  uLongf size = compressBound(bytes.size());
  std::string result(size, '\0');
  const int status =
      compress2(reinterpret_cast<Bytef*>(result.data()), &size,
                reinterpret_cast<const Bytef*>(bytes.data()), bytes.size(), Z_DEFAULT_COMPRESSION);
  if (status != Z_OK) {
    throw Error(ErrorCode::kFailed,
                tr("zlib failed with status {}", "zlib закончил работу с состоянием {}", status));
  }
  result.resize(size);
  return result;
}

bool is_damaged_deflate(std::span<const std::byte> data, std::size_t kept, std::string& inflated) {
  constexpr std::size_t kHeader = 2;  // of zlib around the deflated data
  const auto* bytes = reinterpret_cast<const Bytef*>(data.data());
  if (data.size() < kHeader || (bytes[0] & 0xF) != Z_DEFLATED ||
      (bytes[0] << 8 | bytes[1]) % 31 != 0) {
    return true;
  }
  z_stream stream{};
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) return false;
  std::array<Bytef, 32'768> part;
  stream.next_in = const_cast<Bytef*>(bytes + kHeader);  // zlib does not write there
  stream.avail_in = static_cast<uInt>(data.size() - kHeader);
  constexpr uLong kMost = 256U << 20;  // bytes: only hostile pages have more
  int result = Z_OK;
  while (result == Z_OK && stream.total_out < kMost) {
    stream.next_out = part.data();
    stream.avail_out = static_cast<uInt>(part.size());
    result = inflate(&stream, Z_NO_FLUSH);
    if (inflated.size() >= kept) continue;
    inflated.append(reinterpret_cast<const char*>(part.data()), part.size() - stream.avail_out);
  }
  constexpr int kBehindBlock = 128;
  const bool is_cut = result == Z_BUF_ERROR && (stream.data_type & kBehindBlock) == 0;
  inflateEnd(&stream);
  return result == Z_DATA_ERROR || is_cut;
}

}  // namespace oko::document
