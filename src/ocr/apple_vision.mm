// Apple Vision. Compiles with and without automatic reference counting. Properties are written as
// messages, so that each message can be compared with Apple's declarations (tests/ocr/apple).
#import <CoreGraphics/CoreGraphics.h>
#import <Foundation/Foundation.h>
#import <ImageIO/ImageIO.h>
#import <Vision/Vision.h>

#include <algorithm>
#include <optional>
#include <type_traits>
#include <utility>

#include "base/error.h"
#include "base/localized_text.h"
#include "base/stop_token.h"
#include "ocr/engine.h"
#include "ocr/homoglyphs.h"

namespace oko::ocr {
namespace {

/// The reason why a call of Vision failed. Thrown after the pool of its objects is drained.
struct Failure {
  std::string reason;
  bool cancelled = false;
};

/// Releases the object with the pool, with ARC and without.
template <typename Object>
Object* pooled(Object* object) {
#if !__has_feature(objc_arc)
  [object autorelease];
#endif
  return object;
}

NSString* ns_string(const std::string& text) {
  return [NSString stringWithUTF8String:text.c_str()];
}

std::string utf8(NSString* text) {
  const char* bytes = [text UTF8String];
  return bytes == nullptr ? std::string() : std::string(bytes);
}

NSArray<NSString*>* ns_array(const std::vector<std::string>& texts) {
  NSMutableArray<NSString*>* array = [NSMutableArray arrayWithCapacity:texts.size()];
  for (const std::string& text : texts) {
    if (NSString* string = ns_string(text)) [array addObject:string];  // nil: not UTF-8
  }
  return array;
}

Failure failure_of(NSError* error) {
  if (error == nil) return {"no reason given"};
  const bool cancelled =
      utf8([error domain]) == utf8(VNErrorDomain) && [error code] == VNErrorRequestCancelled;
  return {utf8([error localizedDescription]), cancelled};
}

/// Runs `body` with a pool of its own. `body` returns its failure and must not throw.
template <typename Body>
std::optional<Failure> guarded(Body body) {
  std::optional<Failure> failure;
  @autoreleasepool {
    @try {
      failure = body();
    } @catch (NSException* exception) {
      failure = Failure{utf8([exception name]) + ": " + utf8([exception reason])};
    }
  }
  return failure;
}

[[noreturn]] void throw_failure(const Failure& failure) {
  if (failure.cancelled) throw_cancelled();
  throw Error(ErrorCode::kFailed,
              tr("Apple Vision could not read the picture: {}",
                 "Apple Vision не смог прочитать картинку: {}", failure.reason));
}

VNRecognizeTextRequest* make_request() {
  VNRecognizeTextRequest* request = pooled([[VNRecognizeTextRequest alloc] init]);
  [request setRevision:VNRecognizeTextRequestRevision3];
  [request setRecognitionLevel:VNRequestTextRecognitionLevelAccurate];
  return request;
}

void free_pixels(void* image, const void*, size_t) {
  delete static_cast<image::Image*>(image);
}

struct Release {
  void operator()(void* object) const { CFRelease(object); }
};

/// An owned Core Foundation object.
template <typename Reference>
using Owned = std::unique_ptr<std::remove_pointer_t<Reference>, Release>;

/// A CGImage that takes over the pixels of the picture; null: Core Graphics refused.
Owned<CGImageRef> make_cg_image(image::Image&& picture) {
  auto* image = new image::Image(std::move(picture));
  const auto width = static_cast<size_t>(image->width), height = static_cast<size_t>(image->height);
  const Owned<CGDataProviderRef> provider(
      CGDataProviderCreateWithData(image, image->rgb.data(), image->rgb.size(), free_pixels));
  if (!provider) {
    delete image;
    return nullptr;
  }
  const Owned<CGColorSpaceRef> space(CGColorSpaceCreateWithName(kCGColorSpaceSRGB));
  return Owned<CGImageRef>(CGImageCreate(
      width, height, 8, 24, 3 * width, space.get(), static_cast<CGBitmapInfo>(kCGImageAlphaNone),
      provider.get(), nullptr, false, kCGRenderingIntentDefault));
}

/// Converts Vision's boxes: fractions of the picture with the origin bottom left.
document::Box box_of(CGRect shares, const document::Page& page) {
  const auto at = [](double share, int size) {
    return static_cast<float>(std::clamp(share, 0.0, 1.0) * size);
  };
  const float left = at(shares.origin.x, page.width);
  const float right = at(shares.origin.x + shares.size.width, page.width);
  const float top = at(1 - shares.origin.y - shares.size.height, page.height);
  const float bottom = at(1 - shares.origin.y, page.height);
  return {left, top, right - left, bottom - top};
}

bool is_space(unsigned unit) {
  return unit <= 0x20 || unit == 0xA0 || (unit >= 0x2000 && unit <= 0x200B) || unit == 0x202F ||
         unit == 0x3000;
}

/// The ranges between white space, in UTF-16 units.
std::vector<NSRange> word_ranges(NSString* text) {
  std::vector<NSRange> ranges;
  const NSUInteger length = [text length];
  for (NSUInteger i = 0; i < length; ++i) {
    if (is_space([text characterAtIndex:i])) continue;
    if (ranges.empty() || ranges.back().location + ranges.back().length != i) {
      ranges.push_back({i, 0});
    }
    ++ranges.back().length;
  }
  return ranges;
}

/// The box of a part of a line; if Vision has none, its share of the line's box.
document::Box word_box(VNRecognizedText* text, NSRange range, NSUInteger length,
                       const document::Line& line, const document::Page& page) {
  NSError* error = nil;
  VNRectangleObservation* rectangle = [text boundingBoxForRange:range error:&error];
  if (rectangle != nil) {
    const document::Box box = box_of([rectangle boundingBox], page);
    if (box.width > 0 && box.height > 0) return box;
  }
  const float unit = line.box.width / static_cast<float>(length);
  return {line.box.left + unit * static_cast<float>(range.location), line.box.top,
          unit * static_cast<float>(range.length), line.box.height};
}

void add_line(VNRecognizedTextObservation* observation, document::Page& page) {
  NSArray<VNRecognizedText*>* candidates = [observation topCandidates:1];
  if ([candidates count] == 0) return;
  VNRecognizedText* text = [candidates objectAtIndex:0];
  NSString* string = [text string];
  document::Line line;
  line.box = box_of([observation boundingBox], page);
  line.confidence = [text confidence];
  for (const NSRange range : word_ranges(string)) {
    const std::string word = utf8([string substringWithRange:range]);
    const document::Box box = word_box(text, range, [string length], line, page);
    line.words.push_back({word, box, line.confidence, {}});
  }
  if (!line.words.empty()) page.lines.push_back(std::move(line));
}

class AppleVisionEngine : public Engine {
 public:
  explicit AppleVisionEngine(const Options& options) : options_(options) {
    std::vector<std::string> supported;
    std::string system;
    const std::optional<Failure> failure = guarded([&]() -> std::optional<Failure> {
      system = utf8([[NSProcessInfo processInfo] operatingSystemVersionString]);
      NSError* error = nil;
      NSArray<NSString*>* languages =
          [make_request() supportedRecognitionLanguagesAndReturnError:&error];
      if (languages == nil) return failure_of(error);
      for (NSUInteger i = 0; i < [languages count]; ++i) {
        supported.push_back(utf8([languages objectAtIndex:i]));
      }
      return std::nullopt;
    });
    if (failure) throw_failure(*failure);
    for (std::string& tag : options_.languages) tag = supported_tag(tag, supported, system);
  }

  document::Page read(image::Image image, StopToken stop) override {
    document::Page page{image.width, image.height, {}};
    const Owned<CGImageRef> picture = make_cg_image(std::move(image));
    if (!picture) throw_failure({"CGImageCreate"});
    const std::optional<Failure> failure =
        guarded([&] { return perform(picture.get(), std::move(stop), page); });
    if (failure) throw_failure(*failure);
    document::number_blocks(page);
    if (options_.repairs_homoglyphs) repair_homoglyphs(page);
    return page;
  }

 private:
  /// Vision's tag for a language: "ru" means "ru-RU".
  static std::string supported_tag(const std::string& tag,
                                   const std::vector<std::string>& supported,
                                   const std::string& system) {
    const std::string primary = tag.substr(0, tag.find('-'));
    std::string all, found;
    for (const std::string& candidate : supported) {
      if (candidate == tag) return tag;
      if (found.empty() && candidate.substr(0, candidate.find('-')) == primary) found = candidate;
      all += (all.empty() ? "" : ", ") + candidate;
    }
    if (!found.empty()) return found;
    throw Error(ErrorCode::kUsage,
                tr("Apple Vision of this macOS ({}) does not read {}",
                   "Apple Vision этой macOS ({}) не читает {}", system, tag),
                tr("it reads {}; Russian is read since macOS 13",
                   "он читает {}; по-русски — начиная с macOS 13", all));
  }

  std::optional<Failure> perform(CGImageRef picture, StopToken stop, document::Page& page) const {
    VNRecognizeTextRequest* request = make_request();
    [request setRecognitionLanguages:ns_array(options_.languages)];
    [request setAutomaticallyDetectsLanguage:NO];
    [request setUsesLanguageCorrection:YES];
    [request setCustomWords:ns_array(options_.custom_words)];
    [request setMinimumTextHeight:options_.minimum_text_height];
    VNImageRequestHandler* handler =
        pooled([[VNImageRequestHandler alloc] initWithCGImage:picture
                                                  orientation:kCGImagePropertyOrientationUp
                                                      options:[NSDictionary dictionary]]);
    const StopCallback cancel(stop, [request] { [request cancel]; });
    NSError* error = nil;
    const bool done = [handler performRequests:[NSArray arrayWithObject:request] error:&error];
    if (stop.stop_requested()) return Failure{{}, true};
    if (!done) return failure_of(error);
    NSArray<VNRecognizedTextObservation*>* results = [request results];
    for (NSUInteger i = 0; i < [results count]; ++i) add_line([results objectAtIndex:i], page);
    return std::nullopt;
  }

  Options options_;
};

}  // namespace

std::string engine_name() {
  return "Apple Vision";  // its version is that of macOS
}

std::unique_ptr<Engine> make_engine(const Options& options) {
  return std::make_unique<AppleVisionEngine>(options);
}

}  // namespace oko::ocr
