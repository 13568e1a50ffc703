#include "ocr/preparation.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <new>
#include <numbers>
#include <vector>

#include "ocr/footprint.h"

namespace oko::ocr {
namespace {

constexpr float kLetterHeight = 20;  // pixels of a small letter that are read best
constexpr float kSmallestScale = 0.5f;
constexpr int kLeastHeight = 4;           // of a component: less is dust
constexpr int kLeastRule = 80;            // pixels of an upright rule: no letter is as tall
constexpr float kRuleMargin = 4;          // pixels
constexpr float kLeastAngle = 0.25f;      // degrees
constexpr float kLeastConfidence = 2.5f;  // of Leptonica's in the angle; 3 is "good"

PixPointer owned(Pix* pix) {
  if (pix == nullptr) throw std::bad_alloc();
  return PixPointer(pix);
}

/// How a pixel becomes grey: weights of red, green, blue, in thousandths.
using GreyWeights = std::array<int, 3>;
constexpr GreyWeights kLuma = {299, 587, 114};  // BT.601, as JPEG's
using Histogram = std::array<std::size_t, 256>;

int grey_of_pixel(const std::uint8_t* rgb, const GreyWeights& weights) {
  return (weights[0] * rgb[0] + weights[1] * rgb[1] + weights[2] * rgb[2] + 500) / 1000;
}

/// What Otsu's threshold looks for: how far apart the dark and the light pixels are, counted by how
/// many there are (his between-class variance, at its best).
double separation(const Histogram& histogram) {
  double count = 0, sum = 0, dark_count = 0, dark_sum = 0, best = 0;
  for (std::size_t grey = 0; grey < histogram.size(); ++grey) {
    count += static_cast<double>(histogram[grey]);
    sum += static_cast<double>(grey * histogram[grey]);
  }
  for (std::size_t grey = 0; grey < histogram.size(); ++grey) {
    dark_count += static_cast<double>(histogram[grey]);
    dark_sum += static_cast<double>(grey * histogram[grey]);
    if (dark_count == 0 || dark_count == count) continue;
    const double apart = sum * dark_count / count - dark_sum;
    best = std::max(best, apart * apart / (dark_count * (count - dark_count)));
  }
  return best;
}

/// Luma, unless a colour alone sets the text off much better: orange on turquoise is one grey.
GreyWeights best_grey(const image::Image& image) {
  constexpr std::array<GreyWeights, 4> kChoices = {kLuma, {1000, 0, 0}, {0, 1000, 0}, {0, 0, 1000}};
  constexpr double kMuchBetter = 4;  // of variance: twice the contrast
  std::array<Histogram, 4> histograms{};
  for (std::size_t i = 0; i < image.rgb.size(); i += 3) {
    for (std::size_t choice = 0; choice < kChoices.size(); ++choice) {
      ++histograms[choice]
                  [static_cast<std::size_t>(grey_of_pixel(image.rgb.data() + i, kChoices[choice]))];
    }
  }
  std::size_t best = 0;
  double most = kMuchBetter * separation(histograms[0]);
  for (std::size_t choice = 1; choice < kChoices.size(); ++choice) {
    const double here = separation(histograms[choice]);
    if (here > most) {
      best = choice;
      most = here;
    }
  }
  return kChoices[best];
}

PixPointer grey_of(const image::Image& image) {
  const GreyWeights weights = best_grey(image);
  PixPointer pix = owned(pixCreate(image.width, image.height, 8));
  const std::uint8_t* rgb = image.rgb.data();
  const int words_per_line = pixGetWpl(pix.get());
  l_uint32* line = pixGetData(pix.get());
  for (int y = 0; y < image.height; ++y, line += words_per_line) {
    for (int x = 0; x < image.width; ++x, rgb += 3) {
      SET_DATA_BYTE(line, x, grey_of_pixel(rgb, weights));
    }
  }
  return pix;
}

/// The most frequent grey: the paper, where text is not all there is.
int paper_of(Pix* grey) {
  Numa* histogram = pixGetGrayHistogram(grey, 1);
  float most = 0;
  int paper = 255;
  for (int i = 0; histogram != nullptr && i < numaGetCount(histogram); ++i) {
    float count = 0;
    numaGetFValue(histogram, i, &count);
    if (count > most) {
      most = count;
      paper = i;
    }
  }
  numaDestroy(&histogram);
  return paper;
}

/// Dark on light as ones, by Otsu's threshold; null where all is alike.
PixPointer binary_of(Pix* grey) {
  Pix* binary = nullptr;
  pixOtsuAdaptiveThreshold(grey, pixGetWidth(grey), pixGetHeight(grey), 0, 0, 0.0f, nullptr,
                           &binary);
  return PixPointer(binary);
}

/// Whether more is dark than light: light letters on a dark ground.
bool is_dark(Pix* binary) {
  float share = 0;
  return binary != nullptr && pixForegroundFraction(binary, &share) == 0 && share > 0.5f;
}

/// Median height of the components that could be letters, 0 where there are none.
float letter_height(Pix* binary) {
  Boxa* boxes = pixConnCompBB(binary, 8);
  std::vector<int> heights;
  for (int i = 0; boxes != nullptr && i < boxaGetCount(boxes); ++i) {
    int width = 0, height = 0;
    boxaGetBoxGeometry(boxes, i, nullptr, nullptr, &width, &height);
    const bool plausible = height >= kLeastHeight && height <= pixGetHeight(binary) / 2 &&
                           width <= 8 * height && height <= 8 * width;
    if (plausible) heights.push_back(height);
  }
  boxaDestroy(&boxes);
  if (heights.empty()) return 0;
  const auto middle = heights.begin() + static_cast<std::ptrdiff_t>(heights.size() / 2);
  std::nth_element(heights.begin(), middle, heights.end());
  return static_cast<float>(*middle);
}

float scale_for(float height, const image::Image& image) {
  if (height == 0) return 1;
  const float pixels = static_cast<float>(image.width) * static_cast<float>(image.height);
  const float scale =
      std::clamp(kLetterHeight / height, kSmallestScale, static_cast<float>(kLargestScale));
  return std::min(scale, std::sqrt(static_cast<float>(kMaxPreparedPixels) / pixels));
}

/// Radians that level the lines, 0 where they are level or nothing is known.
float slope_of(Pix* binary) {
  float degrees = 0, confidence = 0;
  if (pixFindSkew(binary, &degrees, &confidence) != 0) return 0;
  if (confidence < kLeastConfidence || std::abs(degrees) < kLeastAngle) return 0;
  return degrees * std::numbers::pi_v<float> / 180;
}

std::vector<Box> upright_rules(Pix* binary) {
  const PixPointer rules = owned(pixOpenBrick(nullptr, binary, 1, kLeastRule));
  Boxa* boxes = pixConnCompBB(rules.get(), 8);
  std::vector<Box> result;
  for (int i = 0; boxes != nullptr && i < boxaGetCount(boxes); ++i) {
    int left = 0, top = 0, width = 0, height = 0;
    boxaGetBoxGeometry(boxes, i, &left, &top, &width, &height);
    result.push_back({static_cast<float>(left), static_cast<float>(top), static_cast<float>(width),
                      static_cast<float>(height)});
  }
  boxaDestroy(&boxes);
  return result;
}

}  // namespace

Box PreparedPicture::in_original(const Box& box) const {
  const float middle_x = static_cast<float>(pixGetWidth(pix.get())) / 2;
  const float middle_y = static_cast<float>(pixGetHeight(pix.get())) / 2;
  const float cosine = std::cos(angle), sine = std::sin(angle);
  float left = std::numeric_limits<float>::max(), top = left, right = -left, bottom = -left;
  for (const float x : {box.left, box.left + box.width}) {
    for (const float y : {box.top, box.top + box.height}) {
      const float dx = x - middle_x, dy = y - middle_y;
      const float original_x = (cosine * dx + sine * dy) / scale + static_cast<float>(width) / 2;
      const float original_y = (cosine * dy - sine * dx) / scale + static_cast<float>(height) / 2;
      left = std::min(left, original_x);
      right = std::max(right, original_x);
      top = std::min(top, original_y);
      bottom = std::max(bottom, original_y);
    }
  }
  left = std::clamp(left, 0.0f, static_cast<float>(width));
  top = std::clamp(top, 0.0f, static_cast<float>(height));
  right = std::clamp(right, left, static_cast<float>(width));
  bottom = std::clamp(bottom, top, static_cast<float>(height));
  return {left, top, right - left, bottom - top};
}

bool PreparedPicture::is_rule(const Box& box) const {
  const float middle = box.left + box.width / 2;
  return std::any_of(rules.begin(), rules.end(), [&](const Box& rule) {
    return std::abs(middle - (rule.left + rule.width / 2)) <= rule.width / 2 + kRuleMargin &&
           box.top + box.height > rule.top && box.top < rule.top + rule.height;
  });
}

PreparedPicture prepare(const image::Image& image) {
  setMsgSeverity(L_SEVERITY_NONE);  // failures show in results; stderr is the program's
  PreparedPicture prepared;
  prepared.width = image.width;
  prepared.height = image.height;
  prepared.pix = grey_of(image);
  PixPointer binary = binary_of(prepared.pix.get());
  if (!binary) return prepared;
  if (is_dark(binary.get())) {
    pixInvert(prepared.pix.get(), prepared.pix.get());
    pixInvert(binary.get(), binary.get());
  }
  const float scale = scale_for(letter_height(binary.get()), image);
  if (std::abs(scale - 1) > 0.1f) {
    prepared.pix = owned(pixScale(prepared.pix.get(), scale, scale));
    prepared.scale =
        static_cast<float>(pixGetWidth(prepared.pix.get())) / static_cast<float>(image.width);
    binary = binary_of(prepared.pix.get());
  }
  prepared.angle = binary ? slope_of(binary.get()) : 0;
  if (prepared.angle != 0) {
    // Corners become paper: white beside a coloured ground would be what is light, and all else
    // dark.
    prepared.pix = owned(pixRotateAMGray(prepared.pix.get(), prepared.angle,
                                         static_cast<l_uint8>(paper_of(prepared.pix.get()))));
  }
  if (binary && prepared.angle != 0) binary = binary_of(prepared.pix.get());
  if (binary) prepared.rules = upright_rules(binary.get());
  return prepared;
}

}  // namespace oko::ocr
