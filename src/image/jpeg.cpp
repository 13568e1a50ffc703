#include "image/jpeg.h"

#include <span>

#include "base/error.h"
#include "base/localized_text.h"
#include "image/precheck.h"
#include "image/vips_session.h"

namespace oko::image {

std::string encode_jpeg(const Image& image, int quality) {
  start_vips();
  const ThreadScope scope;
  const Handle pixels(vips_image_new_from_memory(image.rgb.data(), image.rgb.size(), image.width,
                                                 image.height, 3, VIPS_FORMAT_UCHAR));
  void* data = nullptr;
  std::size_t size = 0;
  if (!pixels ||
      vips_jpegsave_buffer(pixels.get(), &data, &size, "Q", quality, "strip", TRUE, nullptr) != 0) {
    throw Error(ErrorCode::kFailed,
                tr("a picture of {} × {} pixels cannot be saved as JPEG",
                   "картинка {} × {} пикселей не сохраняется как JPEG", image.width, image.height));
  }
  std::string bytes(static_cast<const char*>(data), size);
  g_free(data);
  return bytes;
}

bool is_damaged_jpeg(std::string_view bytes) {
  const auto data = std::as_bytes(std::span(bytes));
  if (sniff(data) != Format::kJpeg) return true;
  try {
    decode(data, "JPEG", {.max_decoded_pixels = 1});
    return false;
  } catch (const Error&) {
    return unusual_jpeg(data).empty();
  }
}

}  // namespace oko::image
