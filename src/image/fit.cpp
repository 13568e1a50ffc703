#include "image/fit.h"

#include "base/localized_text.h"

namespace oko::image {
namespace {

constexpr std::uint64_t kLeastPixels = 1'000'000;

std::uint64_t pixels_of(const Header& header) {
  return static_cast<std::uint64_t>(header.width) * static_cast<std::uint64_t>(header.height);
}

}  // namespace

Fitted fit(const InputFile& file, int page, std::uint64_t bytes,
           const std::function<std::uint64_t(const Header&)>& bytes_of) {
  return fit([&](const Limits& limits) { return read_header(file, limits, page); }, bytes,
             bytes_of);
}

Fitted fit(const std::function<Header(const Limits&)>& read, std::uint64_t bytes,
           const std::function<std::uint64_t(const Header&)>& bytes_of) {
  Fitted fitted{read({}), {}};
  while (bytes_of(fitted.header) > bytes && pixels_of(fitted.header) / 4 >= kLeastPixels) {
    const int shrink = fitted.header.shrink;
    fitted.limits.max_decoded_pixels = pixels_of(fitted.header) - 1;
    fitted.header = read(fitted.limits);
    if (fitted.header.shrink == shrink) break;
  }
  return fitted;
}

LocalizedText shrinking_of(const Image& image) {
  return tr("{} × {} pixels, shrunk to {} × {} while decoding",
            "{} × {} пикселей, при декодировании уменьшена до {} × {}", image.stored_width,
            image.stored_height, image.width, image.height);
}

LocalizedText others_of(const Header& header) {
  if (header.others == 0) return {};
  return tr("{} more pictures or frames of the file are not read",
            "в файле есть ещё картинки или кадры, которые не читаются: {}", header.others);
}

}  // namespace oko::image
