#include "image/png.h"

#include "base/error.h"
#include "base/localized_text.h"
#include "image/vips_session.h"

namespace oko::image {

std::string encode_png(const Image& image) {
  start_vips();
  const ThreadScope scope;
  const Handle pixels(vips_image_new_from_memory(image.rgb.data(), image.rgb.size(), image.width,
                                                 image.height, 3, VIPS_FORMAT_UCHAR));
  void* data = nullptr;
  std::size_t size = 0;
  if (!pixels || vips_pngsave_buffer(pixels.get(), &data, &size, "strip", TRUE, nullptr) != 0) {
    throw Error(ErrorCode::kFailed,
                tr("a picture of {} × {} pixels cannot be saved as PNG",
                   "картинка {} × {} пикселей не сохраняется как PNG", image.width, image.height));
  }
  std::string bytes(static_cast<const char*>(data), size);
  g_free(data);
  return bytes;
}

}  // namespace oko::image
