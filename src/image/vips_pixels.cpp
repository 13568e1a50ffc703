#include "image/vips_pixels.h"

#include <utility>

#include "base/error.h"
#include "base/localized_text.h"

namespace oko::image {
namespace {

Handle handle_of(Image& image) {
  return Handle(vips_image_new_from_memory(image.rgb.data(), image.rgb.size(), image.width,
                                           image.height, 3, VIPS_FORMAT_UCHAR));
}

/// Replaces the pixels of `image` by those of `changed`, which is made of them.
void replace_pixels(const Handle& changed, Image& image) {
  Image result;
  if (!changed || !write_pixels(changed, result)) {
    throw Error(ErrorCode::kFailed,
                tr("a picture of {} × {} pixels cannot be turned or resized",
                   "картинка {} × {} пикселей не поворачивается и не меняет размер", image.width,
                   image.height));
  }
  image.rgb = std::move(result.rgb);
  image.width = result.width;
  image.height = result.height;
}

}  // namespace

bool write_pixels(const Handle& image, Image& result) {
  result.width = image->Xsize;
  result.height = image->Ysize;
  result.rgb.resize(std::size_t{3} * result.width * result.height);
  const Handle memory = handle_of(result);
  return memory && vips_image_write(image.get(), memory.get()) == 0;
}

Handle shrink_pixels(const Handle& image, int shrink) {
  return run([&](VipsImage** out) {
    return vips_shrink(image.get(), out, shrink, shrink, "ceil", TRUE, nullptr);
  });
}

void apply_scaling(const Scaling& scaling, Image& image) {
  if (image.width != scaling.shrunk_width || image.height != scaling.shrunk_height) {
    replace_pixels(shrink_pixels(handle_of(image), scaling.shrink), image);
  }
  if (!scaling.stretches()) return;
  const Handle shrunk = handle_of(image);
  replace_pixels(run([&](VipsImage** out) {
                   return vips_resize(shrunk.get(), out,
                                      static_cast<double>(scaling.width) / image.width, "vscale",
                                      static_cast<double>(scaling.height) / image.height, "kernel",
                                      VIPS_KERNEL_CUBIC, nullptr);
                 }),
                 image);
}

void apply_orientation(int orientation, Image& image) {
  const Handle stored = handle_of(image);
  if (stored) vips_image_set_int(stored.get(), VIPS_META_ORIENTATION, orientation);
  replace_pixels(run([&](VipsImage** out) { return vips_autorot(stored.get(), out, nullptr); }),
                 image);
  constexpr int kFirstOnItsSide = 5;
  if (orientation >= kFirstOnItsSide) std::swap(image.stored_width, image.stored_height);
}

}  // namespace oko::image
