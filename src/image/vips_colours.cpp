#include "image/vips_colours.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

namespace oko::image {
namespace {

/// The colours and the alpha of a TIFF's pixels, without other samples. An only extra sample of an
/// unknown kind is alpha, as in Pillow.
Handle select_samples(Handle image, const TiffDirectory& directory) {
  const auto colours = static_cast<int>(colour_samples(directory));
  const int bands = image->Bands;
  if (bands <= colours || static_cast<std::uint32_t>(bands) != directory.samples) return image;
  const auto found =
      std::ranges::find_if(directory.extra, [](auto kind) { return kind == 1 || kind == 2; });
  int alpha = bands;
  if (found != directory.extra.end()) {
    alpha = colours + static_cast<int>(found - directory.extra.begin());
  } else if (directory.extra.empty() && bands == colours + 1) {
    alpha = colours;
  }
  if (bands == colours + 1 && alpha == colours) return image;
  Handle picture = run([&](VipsImage** out) {
    return vips_extract_band(image.get(), out, 0, "n", colours, nullptr);
  });
  if (!picture || alpha >= bands) return picture;
  const Handle opacity =
      run([&](VipsImage** out) { return vips_extract_band(image.get(), out, alpha, nullptr); });
  if (!opacity) return nullptr;
  return run(
      [&](VipsImage** out) { return vips_bandjoin2(picture.get(), opacity.get(), out, nullptr); });
}

/// TIFF 6.0, section 21.
Handle ycbcr_to_rgb(const Handle& image, const TiffDirectory& directory) {
  constexpr double kRanges[] = {255, 127, 127};
  double scale[3], offset[3];
  for (int i = 0; i < 3; ++i) {
    const double black = directory.reference[2 * i], white = directory.reference[2 * i + 1];
    scale[i] = white == black ? 1 : kRanges[i] / (white - black);
    offset[i] = -black * scale[i];
  }
  const auto [red, green, blue] = directory.luma;
  const double to_red = 2 - 2 * red, to_blue = 2 - 2 * blue;
  const double of_green = green == 0 ? 1 : green;
  const Handle light = run(
      [&](VipsImage** out) { return vips_linear(image.get(), out, scale, offset, 3, nullptr); });
  const Handle matrix(vips_image_new_matrixv(3, 3, 1.0, 0.0, to_red, 1.0,
                                             -blue * to_blue / of_green, -red * to_red / of_green,
                                             1.0, to_blue, 0.0));
  if (!light || !matrix) return nullptr;
  const Handle colour =
      run([&](VipsImage** out) { return vips_recomb(light.get(), out, matrix.get(), nullptr); });
  if (!colour) return nullptr;
  const Handle rounded = run([&](VipsImage** out) {
    return vips_linear1(colour.get(), out, 1.0, 0.5, "uchar", TRUE, nullptr);
  });
  if (!rounded) return nullptr;
  return run([&](VipsImage** out) {
    return vips_copy(rounded.get(), out, "interpretation", VIPS_INTERPRETATION_sRGB, nullptr);
  });
}

bool is_lab(const Handle& image) {
  return image->Type == VIPS_INTERPRETATION_LAB || image->Type == VIPS_INTERPRETATION_LABQ ||
         image->Type == VIPS_INTERPRETATION_LABS;
}

/// Scales Lab of 8 bits so that white stays white: libvips widens it to 10 bits, below full light.
Handle widen_lab(const Handle& image) {
  const Handle bytes = run([&](VipsImage** out) {
    return vips_copy(image.get(), out, "coding", VIPS_CODING_NONE, "interpretation",
                     VIPS_INTERPRETATION_MULTIBAND, nullptr);
  });
  if (!bytes) return nullptr;
  const Handle light =
      run([&](VipsImage** out) { return vips_extract_band(bytes.get(), out, 0, nullptr); });
  const Handle colour =
      run([&](VipsImage** out) { return vips_extract_band(bytes.get(), out, 1, "n", 2, nullptr); });
  if (!light || !colour) return nullptr;
  const Handle scaled = run(
      [&](VipsImage** out) { return vips_linear1(light.get(), out, 100.0 / 255, 0.0, nullptr); });
  const Handle with_sign = run([&](VipsImage** out) {
    return vips_copy(colour.get(), out, "format", VIPS_FORMAT_CHAR, nullptr);
  });
  if (!scaled || !with_sign) return nullptr;
  const Handle joined = run(
      [&](VipsImage** out) { return vips_bandjoin2(scaled.get(), with_sign.get(), out, nullptr); });
  if (!joined) return nullptr;
  return run([&](VipsImage** out) {
    return vips_copy(joined.get(), out, "interpretation", VIPS_INTERPRETATION_LAB, nullptr);
  });
}

/// Lab in files is relative to D50, as in profiles; libvips's own to D65. The matrix is that of
/// sRGB, adapted to D50 by Bradford's method; XYZ of libvips go to 100.
Handle lab_to_rgb(const Handle& image) {
  const Handle lab =
      image->Coding == VIPS_CODING_LABQ ? widen_lab(image) : run([&](VipsImage** out) {
        return vips_colourspace(image.get(), out, VIPS_INTERPRETATION_LAB, nullptr);
      });
  if (!lab) return nullptr;
  const double d50[] = {96.422, 100, 82.521};
  const std::unique_ptr<VipsArrayDouble, void (*)(VipsArrayDouble*)> white(
      vips_array_double_new(d50, 3),
      [](VipsArrayDouble* array) { vips_area_unref(VIPS_AREA(array)); });
  const Handle xyz = run(
      [&](VipsImage** out) { return vips_Lab2XYZ(lab.get(), out, "temp", white.get(), nullptr); });
  const Handle matrix(vips_image_new_matrixv(3, 3, 0.031338561, -0.016168667, -0.004906146,
                                             -0.009787684, 0.019161415, 0.000334540, 0.000719453,
                                             -0.002289914, 0.014052427));
  if (!xyz || !matrix) return nullptr;
  const Handle linear =
      run([&](VipsImage** out) { return vips_recomb(xyz.get(), out, matrix.get(), nullptr); });
  if (!linear) return nullptr;
  return run([&](VipsImage** out) { return vips_scRGB2sRGB(linear.get(), out, nullptr); });
}

/// The top 8 of 16 bits. The colour conversion handles other depths.
Handle to_8_bits(Handle image) {
  if (image->BandFmt != VIPS_FORMAT_USHORT) return image;
  VipsInterpretation interpretation = image->Type;
  if (interpretation == VIPS_INTERPRETATION_RGB16) interpretation = VIPS_INTERPRETATION_sRGB;
  if (interpretation == VIPS_INTERPRETATION_GREY16) interpretation = VIPS_INTERPRETATION_B_W;
  const Handle top = run([&](VipsImage** out) { return vips_msb(image.get(), out, nullptr); });
  if (!top) return nullptr;
  return run([&](VipsImage** out) {
    return vips_copy(top.get(), out, "interpretation", interpretation, nullptr);
  });
}

/// Inks without a profile, as browsers and Pillow show them: (255 - ink) * (255 - black) / 255.
Handle cmyk_to_rgb(const Handle& image) {
  const Handle light = run([&](VipsImage** out) { return vips_invert(image.get(), out, nullptr); });
  if (!light) return nullptr;
  const Handle colour =
      run([&](VipsImage** out) { return vips_extract_band(light.get(), out, 0, "n", 3, nullptr); });
  const Handle black =
      run([&](VipsImage** out) { return vips_extract_band(light.get(), out, 3, nullptr); });
  if (!colour || !black) return nullptr;
  const Handle product =
      run([&](VipsImage** out) { return vips_multiply(colour.get(), black.get(), out, nullptr); });
  if (!product) return nullptr;
  const Handle scaled = run([&](VipsImage** out) {
    return vips_linear1(product.get(), out, 1.0 / 255, 0.5, "uchar", TRUE, nullptr);
  });
  if (!scaled) return nullptr;
  return run([&](VipsImage** out) {
    return vips_copy(scaled.get(), out, "interpretation", VIPS_INTERPRETATION_sRGB, nullptr);
  });
}

/// sRGB by the embedded profile, or, as in viewers, by the declared kind of the pixels if there is
/// no profile or a broken one.
Handle to_srgb(Handle image) {
  if (is_lab(image)) return lab_to_rgb(image);
  if (vips_image_get_typeof(image.get(), VIPS_META_ICC_NAME) != 0) {
    Handle converted = run([&](VipsImage** out) {
      return vips_icc_transform(image.get(), out, "srgb", "embedded", TRUE, "intent",
                                VIPS_INTENT_PERCEPTUAL, nullptr);
    });
    if (converted) return converted;
  }
  if (image->Type == VIPS_INTERPRETATION_CMYK && image->BandFmt == VIPS_FORMAT_UCHAR &&
      image->Bands >= 4) {
    return cmyk_to_rgb(image);
  }
  return run([&](VipsImage** out) {
    return vips_colourspace(image.get(), out, VIPS_INTERPRETATION_sRGB, nullptr);
  });
}

/// colour * alpha + ground * (1 - alpha), rounded; vips_flatten would cut it.
Handle flatten(Handle image, double ground) {
  if (!vips_image_hasalpha(image.get())) return image;
  const int colours = image->Bands - 1;
  const Handle colour = run([&](VipsImage** out) {
    return vips_extract_band(image.get(), out, 0, "n", colours, nullptr);
  });
  const Handle alpha =
      run([&](VipsImage** out) { return vips_extract_band(image.get(), out, colours, nullptr); });
  if (!colour || !alpha) return nullptr;
  const Handle shown =
      run([&](VipsImage** out) { return vips_multiply(colour.get(), alpha.get(), out, nullptr); });
  const Handle white = run([&](VipsImage** out) {
    return vips_linear1(alpha.get(), out, -ground, 255.0 * ground, nullptr);
  });
  if (!shown || !white) return nullptr;
  const Handle sum =
      run([&](VipsImage** out) { return vips_add(shown.get(), white.get(), out, nullptr); });
  if (!sum) return nullptr;
  return run([&](VipsImage** out) {
    return vips_linear1(sum.get(), out, 1.0 / 255, 0.5, "uchar", TRUE, nullptr);
  });
}

}  // namespace

Handle to_rgb(Handle image, const TiffDirectory* directory, double ground) {
  if (directory != nullptr) image = select_samples(std::move(image), *directory);
  if (image) image = to_8_bits(std::move(image));
  if (image && directory != nullptr && needs_ycbcr_conversion(*directory)) {
    return ycbcr_to_rgb(image, *directory);
  }
  if (image) image = to_srgb(std::move(image));
  return image ? flatten(std::move(image), ground) : nullptr;
}

}  // namespace oko::image
