#include "ocr/preparation.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <new>
#include <numbers>
#include <utility>
#include <vector>

#include "ocr/desk.h"
#include "ocr/ground.h"
#include "ocr/memory_estimate.h"
#include "ocr/perspective.h"
#include "ocr/text_likeness.h"

namespace oko::ocr {
namespace {

constexpr float kLetterHeight = 20;  // pixels: the best height of a small letter
constexpr float kSmallestScale = 0.5f;
constexpr float kLongestSide = 32'000;    // with margins: Tesseract counts in 16 bits
constexpr int kLeastHeight = 4;           // of a component: smaller ones are dust
constexpr int kLeastRule = 80;            // pixels of an upright rule: no letter is as tall
constexpr float kRuleMargin = 4;          // pixels
constexpr float kLeastAngle = 0.25f;      // degrees
constexpr float kLeastConfidence = 2.5f;  // of Leptonica's in the angle; 3 is "good"
constexpr float kSteepest = 22;           // degrees of the search
constexpr float kSteepConfidence = 3;
constexpr float kSurelyGentle = 5;  // of the confidence in an angle of up to kGentlest degrees
constexpr float kGentlest = 7;
constexpr int kLettersOfLines = 40;  // the fewest that show the slope of their lines
constexpr float kGrows = 0.06f;      // radians: beyond, turning would cut corners of a page off
constexpr int kCuttingHeight = 128;  // pixels: letters may fill a picture that is lower
constexpr int kMargin = 24;          // pixels around print
constexpr int kLeastMargin = 8;
constexpr int kLeastContrast = 24;  // greys between ink and paper

PixPointer owned(Pix* pix) {
  if (pix == nullptr) throw std::bad_alloc();
  return PixPointer(pix);
}

/// Weights of red, green and blue in a grey pixel, in thousandths.
using GreyWeights = std::array<int, 3>;
constexpr GreyWeights kLuma = {299, 587, 114};  // BT.601, as JPEG's
using Histogram = std::array<std::size_t, 256>;

int grey_of_pixel(const std::uint8_t* rgb, const GreyWeights& weights) {
  return (weights[0] * rgb[0] + weights[1] * rgb[1] + weights[2] * rgb[2] + 500) / 1000;
}

/// The between-class variance at Otsu's threshold: the distance between the dark and the light
/// pixels, weighted by their numbers.
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

/// Luma, unless one colour separates the text much better: orange on turquoise is one grey.
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

/// The most frequent grey: the paper, unless text fills the picture.
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

/// A mask of the dark pixels by Otsu's threshold; null if all are alike.
PixPointer binary_of(Pix* grey) {
  constexpr int kLeastTile = 16;  // Leptonica refuses smaller ones; a digit may be narrower
  Pix* binary = nullptr;
  pixOtsuAdaptiveThreshold(grey, std::max(kLeastTile, pixGetWidth(grey)),
                           std::max(kLeastTile, pixGetHeight(grey)), 0, 0, 0.0f, nullptr, &binary);
  return PixPointer(binary);
}

/// True if more pixels are dark than light: light letters on a dark ground.
bool is_dark(Pix* binary) {
  float share = 0;
  return binary != nullptr && pixForegroundFraction(binary, &share) == 0 && share > 0.5f;
}

/// Components that could be letters, in a binary picture.
std::vector<document::Box> letters_of(Pix* binary) {
  Boxa* boxes = pixConnCompBB(binary, 8);
  const int tallest = pixGetHeight(binary) / (pixGetHeight(binary) <= kCuttingHeight ? 1 : 2);
  std::vector<document::Box> letters;
  letters.reserve(boxes == nullptr ? 0 : static_cast<std::size_t>(boxaGetCount(boxes)));
  for (int i = 0; boxes != nullptr && i < boxaGetCount(boxes); ++i) {
    int left = 0, top = 0, width = 0, height = 0;
    boxaGetBoxGeometry(boxes, i, &left, &top, &width, &height);
    const bool plausible =
        height >= kLeastHeight && height <= tallest && width <= 8 * height && height <= 8 * width;
    if (!plausible) continue;
    letters.push_back({static_cast<float>(left), static_cast<float>(top), static_cast<float>(width),
                       static_cast<float>(height)});
  }
  boxaDestroy(&boxes);
  return letters;
}

/// True if the foreground of `binary` is much darker than the rest of `grey`.
bool is_ink(Pix* grey, Pix* binary) {
  constexpr int kEach = 3;  // every third pixel, across and down
  const PixPointer paper(pixInvert(nullptr, binary));
  float ink_grey = 0, paper_grey = 0;
  pixGetAverageMasked(grey, binary, 0, 0, kEach, L_MEAN_ABSVAL, &ink_grey);
  pixGetAverageMasked(grey, paper.get(), 0, 0, kEach, L_MEAN_ABSVAL, &paper_grey);
  return paper_grey - ink_grey >= kLeastContrast;
}

/// The scale for letters of `height` pixels, 0 if there are none.
float scale_for(float height, Pix* grey) {
  const auto across = static_cast<float>(pixGetWidth(grey));
  const auto down = static_cast<float>(pixGetHeight(grey));
  const float most = std::min(std::sqrt(static_cast<float>(kMaxPreparedPixels) / across / down),
                              kLongestSide / std::max(across, down));
  if (height == 0) return std::min(1.0f, most);
  const float wanted =
      std::clamp(kLetterHeight / height, kSmallestScale, static_cast<float>(kLargestScale));
  return std::min(wanted, most);
}

/// Scales the prepared picture; the original has `width` pixels. A small change is not worth the
/// blur.
void scale_by(float scale, int width, PreparedPicture& prepared) {
  constexpr float kLittle = 0.1f;
  Pix* const grey = prepared.grey.get();
  const int longest = std::max(pixGetWidth(grey), pixGetHeight(grey));
  if (std::abs(scale - 1) <= kLittle && static_cast<float>(longest) <= kLongestSide) return;
  PixPointer scaled = owned(pixScale(grey, scale, scale));
  if (scale > 1) prepared.small = std::move(prepared.grey);
  prepared.grey = std::move(scaled);
  prepared.scale = static_cast<float>(pixGetWidth(prepared.grey.get())) / static_cast<float>(width);
}

/// Radians that level the lines of `letters` letters, 0 if they are level or of unknown slope.
float slope_of(Pix* binary, int letters) {
  float degrees = 0, confidence = 0;
  if (pixFindSkew(binary, &degrees, &confidence) != 0) degrees = confidence = 0;
  if (confidence < kSurelyGentle && letters >= kLettersOfLines) {
    constexpr int kSweepReduction = 4, kSearchReduction = 2;
    constexpr float kStep = 1, kPrecision = 0.01f;  // degrees
    float steep = 0, steep_confidence = 0;
    const bool is_found =
        pixFindSkewSweepAndSearch(binary, &steep, &steep_confidence, kSweepReduction,
                                  kSearchReduction, kSteepest, kStep, kPrecision) == 0;
    if (is_found && steep_confidence >= std::max(kSteepConfidence, confidence) &&
        (confidence < kLeastConfidence || std::abs(steep) > kGentlest)) {
      degrees = steep;
      confidence = steep_confidence;
    }
  }
  if (confidence < kLeastConfidence || std::abs(degrees) < kLeastAngle) return 0;
  return degrees * std::numbers::pi_v<float> / 180;
}

/// Turns a picture clockwise by `angle`, larger for steep ones. New corners get the colour of the
/// paper: next to white ones, a coloured ground would count as dark.
PixPointer rotated(Pix* grey, float angle) {
  const auto paper = static_cast<l_uint8>(paper_of(grey));
  if (std::abs(angle) < kGrows) return owned(pixRotateAMGray(grey, angle, paper));
  const auto width = static_cast<float>(pixGetWidth(grey));
  const auto height = static_cast<float>(pixGetHeight(grey));
  const float cosine = std::cos(angle), sine = std::abs(std::sin(angle));
  const auto across = static_cast<int>(std::max(0.0f, width * cosine + height * sine - width) / 2);
  const auto down = static_cast<int>(std::max(0.0f, height * cosine + width * sine - height) / 2);
  const PixPointer grown =
      owned(pixAddBorderGeneral(grey, across, across, down, down, static_cast<l_uint32>(paper)));
  return owned(pixRotateAMGray(grown.get(), angle, paper));
}

/// True if print reaches an edge.
bool lacks_margin(Pix* binary) {
  ::Box* box = nullptr;
  if (pixClipToForeground(binary, nullptr, &box) != 0 || box == nullptr) return false;
  int left = 0, top = 0, width = 0, height = 0;
  boxGetGeometry(box, &left, &top, &width, &height);
  boxDestroy(&box);
  return std::min(left, top) < kLeastMargin || left + width > pixGetWidth(binary) - kLeastMargin ||
         top + height > pixGetHeight(binary) - kLeastMargin;
}

std::vector<document::Box> upright_ruling_lines(Pix* binary) {
  const PixPointer rules = owned(pixOpenBrick(nullptr, binary, 1, kLeastRule));
  Boxa* boxes = pixConnCompBB(rules.get(), 8);
  std::vector<document::Box> result;
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

document::Box PreparedPicture::in_original(const document::Box& box) const {
  const float middle_x = static_cast<float>(pixGetWidth(pix.get())) / 2;
  const float middle_y = static_cast<float>(pixGetHeight(pix.get())) / 2;
  const float cosine = std::cos(angle), sine = std::sin(angle);
  float left = std::numeric_limits<float>::max(), top = left, right = -left, bottom = -left;
  for (const float x : {box.left, box.left + box.width}) {
    for (const float y : {box.top, box.top + box.height}) {
      const float dx = x - middle_x, dy = y - middle_y;
      Point from_middle{cosine * dx + sine * dy, cosine * dy - sine * dx};
      if (projection) from_middle = projection->original(from_middle);
      for (int i = 0; i < quarter_turns; ++i) {
        std::swap(from_middle.x, from_middle.y);
        from_middle.y = -from_middle.y;
      }
      const float original_x = from_middle.x / scale + static_cast<float>(width) / 2;
      const float original_y = from_middle.y / scale + static_cast<float>(height) / 2;
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

document::Box PreparedPicture::of_unturned(const PreparedPicture& other,
                                           const document::Box& box) const {
  const float ratio = scale / other.scale;
  const auto middle = [](int size) { return static_cast<float>(size) / 2; };
  const float from_x = middle(pixGetWidth(other.pix.get())), x = middle(pixGetWidth(pix.get()));
  const float from_y = middle(pixGetHeight(other.pix.get())), y = middle(pixGetHeight(pix.get()));
  return {(box.left - from_x) * ratio + x, (box.top - from_y) * ratio + y, box.width * ratio,
          box.height * ratio};
}

bool PreparedPicture::is_ruling_line(const document::Box& box) const {
  const float middle = box.left + box.width / 2;
  return std::any_of(ruling_lines.begin(), ruling_lines.end(), [&](const document::Box& rule) {
    return std::abs(middle - (rule.left + rule.width / 2)) <= rule.width / 2 + kRuleMargin &&
           box.top + box.height > rule.top && box.top < rule.top + rule.height;
  });
}

namespace {

/// Sets the fields that follow from `grey` and `quarter_turns`.
void level(PreparedPicture& picture) {
  PixPointer pix =
      owned(picture.quarter_turns == 0 ? pixClone(picture.grey.get())
                                       : pixRotateOrth(picture.grey.get(), picture.quarter_turns));
  PixPointer binary = binary_of(pix.get());
  if (binary && picture.letters >= kLettersOfLines) {
    const int width = pixGetWidth(pix.get()), height = pixGetHeight(pix.get());
    picture.projection = find_perspective(letters_of(binary.get()), width, height);
    if (picture.projection) {
      pix = projected(pix.get(), *picture.projection,
                      most_prepared_pixels(picture.width, picture.height), paper_of(pix.get()));
      binary = binary_of(pix.get());
    }
  }
  picture.angle = binary ? slope_of(binary.get(), picture.letters) : 0;
  if (picture.angle != 0) {
    pix = rotated(pix.get(), picture.angle);
    binary = binary_of(pix.get());
  }
  if (binary && lacks_margin(binary.get())) {
    const auto paper = static_cast<l_uint32>(paper_of(pix.get()));
    pix = owned(pixAddBorderGeneral(pix.get(), kMargin, kMargin, kMargin, kMargin, paper));
    binary = binary_of(pix.get());
    // The same picture about the same centre: share it.
    if (picture.angle == 0 && picture.quarter_turns == 0) picture.grey.reset(pixClone(pix.get()));
  }
  if (binary) picture.ruling_lines = upright_ruling_lines(binary.get());
  picture.pix = std::move(pix);
}

/// A new picture with the original and scale of `picture`.
PreparedPicture like(const PreparedPicture& picture) {
  PreparedPicture result;
  result.scale = picture.scale;
  result.quarter_turns = picture.quarter_turns;
  result.width = picture.width;
  result.height = picture.height;
  result.letters = picture.letters;
  result.is_even = picture.is_even;
  return result;
}

void make_even(PreparedPicture& picture) {
  if (Pix* even = with_even_ground(picture.grey.get())) picture.grey.reset(even);
  picture.is_even = true;
}

/// Removes the desk if that surely loses no print.
void remove_desk(PreparedPicture& picture) {
  if (!is_page_on_desk(picture.grey.get())) return;
  PixPointer page = without_desk(picture.grey.get());
  if (!page) return;
  picture.on_desk = std::exchange(picture.grey, std::move(page));
  picture.is_even = true;
}

/// Sets the fields that follow from `grey`, its scale and the size of the original.
void complete(PreparedPicture& picture) {
  const PixPointer binary = binary_of(picture.grey.get());
  if (!binary) {
    scale_by(scale_for(0, picture.grey.get()), picture.width, picture);
    picture.pix = owned(pixClone(picture.grey.get()));
    return;
  }
  if (is_dark(binary.get())) {
    pixInvert(picture.grey.get(), picture.grey.get());
    pixInvert(binary.get(), binary.get());
  }
  const std::vector<document::Box> letters = letters_of(binary.get());
  picture.letters = is_ink(picture.grey.get(), binary.get()) ? static_cast<int>(letters.size()) : 0;
  scale_by(scale_for(document::median_height(letters), picture.grey.get()), picture.width, picture);
  level(picture);
}

}  // namespace

PreparedPicture prepare(const image::Image& image) {
  setMsgSeverity(L_SEVERITY_NONE);  // failures show in results; stderr is the program's
  PreparedPicture prepared;
  prepared.width = image.width;
  prepared.height = image.height;
  prepared.grey = grey_of(image);
  remove_markers(image, prepared.grey.get());
  const Light light = light_of(prepared.grey.get());
  if (light == Light::kFallsOff) make_even(prepared);
  if (light == Light::kAbrupt) remove_desk(prepared);
  complete(prepared);
  return prepared;
}

bool may_have_text(const PreparedPicture& picture) {
  // Enlarged grain is as large as letters.
  for (Pix* const grey : {picture.pix.get(), picture.small.get()}) {
    const PixPointer binary = grey != nullptr ? binary_of(grey) : nullptr;
    if (binary && looks_like_text(letters_of(binary.get()))) return true;
  }
  return false;
}

PreparedPicture with_desk(PixPointer on_desk) {
  PreparedPicture result;
  result.width = pixGetWidth(on_desk.get());
  result.height = pixGetHeight(on_desk.get());
  result.grey = std::move(on_desk);
  complete(result);
  return result;
}

PreparedPicture turned(const PreparedPicture& picture, int quarter_turns) {
  PreparedPicture result = like(picture);
  result.quarter_turns = quarter_turns % 4;
  result.grey = owned(pixClone(picture.grey.get()));
  level(result);
  return result;
}

PreparedPicture unenlarged(const PreparedPicture& picture) {
  PreparedPicture result = like(picture);
  result.scale = 1;
  result.grey = owned(pixClone(picture.small.get()));
  level(result);
  return result;
}

PreparedPicture evened(const PreparedPicture& picture) {
  PreparedPicture result = like(picture);
  result.grey = owned(pixClone(picture.grey.get()));
  make_even(result);
  level(result);
  return result;
}

std::optional<PreparedPicture> page_alone(const PreparedPicture& picture) {
  Pix* const grey = picture.small ? picture.small.get() : picture.grey.get();
  PixPointer page = without_desk(grey);
  if (!page) return std::nullopt;
  PreparedPicture result;
  result.width = picture.width;
  result.height = picture.height;
  result.scale = static_cast<float>(pixGetWidth(grey)) / static_cast<float>(picture.width);
  result.grey = std::move(page);
  result.is_even = true;
  complete(result);
  return result;
}

PreparedPicture sample_of(const PreparedPicture& picture) {
  Pix* grey = picture.grey.get();
  PreparedPicture sample = like(picture);
  sample.quarter_turns = 0;
  sample.width = std::min(kSampleSide, pixGetWidth(grey));
  sample.height = std::min(kSampleSide, pixGetHeight(grey));
  const PixPointer binary = binary_of(grey);
  const std::vector<document::Box> letters =
      binary ? letters_of(binary.get()) : std::vector<document::Box>();
  sample.letters = -1;
  int left = 0, top = 0;
  for (int y = 0; y + sample.height <= pixGetHeight(grey); y += std::max(1, sample.height / 2)) {
    for (int x = 0; x + sample.width <= pixGetWidth(grey); x += std::max(1, sample.width / 2)) {
      const auto count =
          std::count_if(letters.begin(), letters.end(), [&](const document::Box& letter) {
            return letter.left >= static_cast<float>(x) && letter.top >= static_cast<float>(y) &&
                   letter.left + letter.width <= static_cast<float>(x + sample.width) &&
                   letter.top + letter.height <= static_cast<float>(y + sample.height);
          });
      if (count <= sample.letters) continue;
      sample.letters = static_cast<int>(count);
      left = x;
      top = y;
    }
  }
  ::Box* box = boxCreate(left, top, sample.width, sample.height);
  sample.grey = PixPointer(pixClipRectangle(grey, box, nullptr));
  boxDestroy(&box);
  if (!sample.grey) throw std::bad_alloc();
  level(sample);
  return sample;
}

}  // namespace oko::ocr
