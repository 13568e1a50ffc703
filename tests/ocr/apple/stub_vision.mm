#import "tests/ocr/apple/stub_vision.h"

#import <CoreGraphics/CoreGraphics.h>
#import <Vision/Vision.h>

#include <atomic>
#include <utility>

// The declarations of Apple that oko uses.
#pragma clang diagnostic ignored "-Wincomplete-implementation"

namespace {

oko::stub_vision::Answers answers;
oko::stub_vision::Asked last;
std::atomic<long> living{0};

NSString* string_of(const std::string& text) {
  return [NSString stringWithUTF8String:text.c_str()];
}

CGRect rect_of(const oko::stub_vision::Rect& rect) {
  return {{rect.x, rect.y}, {rect.width, rect.height}};
}

void set_error(NSError** error, const oko::stub_vision::Failure& failure) {
  NSDictionary* info = [NSDictionary dictionaryWithObject:string_of(failure.text)
                                                   forKey:NSLocalizedDescriptionKey];
  *error = [NSError errorWithDomain:string_of(failure.domain) code:failure.code userInfo:info];
}

std::vector<std::string> texts_of(NSArray* array) {
  std::vector<std::string> texts;
  for (NSUInteger i = 0; i < [array count]; ++i)
    texts.push_back([[array objectAtIndex:i] UTF8String]);
  return texts;
}

}  // namespace

NSString* const VNErrorDomain = @"com.apple.Vision";
CFStringRef const kCGColorSpaceSRGB = nullptr;

// Core Graphics and Core Foundation: objects count their owners.
struct CFObject {
  int owners = 1;
  CFObject() { ++living; }
  virtual ~CFObject() { --living; }
};
struct CGColorSpace : CFObject {};
struct CGDataProvider : CFObject {
  void* info = nullptr;
  const void* data = nullptr;
  size_t size = 0;
  CGDataProviderReleaseDataCallback release = nullptr;
  ~CGDataProvider() override { release(info, data, size); }
};
struct CGImage : CFObject {
  size_t width = 0, height = 0, bytes_per_row = 0;
  CGDataProviderRef provider = nullptr;
  ~CGImage() override { CFRelease(provider); }
};

void CFRelease(const void* object) {
  auto* counted = static_cast<CFObject*>(const_cast<void*>(object));
  if (--counted->owners == 0) delete counted;
}
CGColorSpaceRef CGColorSpaceCreateWithName(CFStringRef) {
  return new CGColorSpace;
}
CGDataProviderRef CGDataProviderCreateWithData(void* info, const void* data, size_t size,
                                               CGDataProviderReleaseDataCallback release) {
  auto* provider = new CGDataProvider;
  provider->info = info;
  provider->data = data;
  provider->size = size;
  provider->release = release;
  return provider;
}
CGImageRef CGImageCreate(size_t width, size_t height, size_t bits_per_component,
                         size_t bits_per_pixel, size_t bytes_per_row, CGColorSpaceRef, CGBitmapInfo,
                         CGDataProviderRef provider, const CGFloat*, bool, CGColorRenderingIntent) {
  const bool fits = provider->size >= height * bytes_per_row && bits_per_component == 8 &&
                    bits_per_pixel == 24 && bytes_per_row >= 3 * width;
  if (width == 0 || height == 0 || !fits) return nullptr;
  auto* image = new CGImage;
  ++provider->owners;
  image->width = width;
  image->height = height;
  image->bytes_per_row = bytes_per_row;
  image->provider = provider;
  return image;
}

/// Objects keep their data behind the one pointer that make_sdk.py gives their classes.
#define KEEPS(State)                   \
  -(instancetype)init {                \
    self = [super init];               \
    self->state = new State;           \
    ++living;                          \
    return self;                       \
  }                                    \
  -(void)dealloc {                     \
    delete static_cast<State*>(state); \
    --living;                          \
    [super dealloc];                   \
  }

namespace {

struct ObservationState {
  CGRect box{};
  VNRecognizedText* text = nil;
  ~ObservationState() { [text release]; }
};
struct TextState {
  oko::stub_vision::Observation observation;
};
struct RequestState {
  oko::stub_vision::Asked asked;
  NSArray* observations = nil;
  ~RequestState() { [observations release]; }
};
struct HandlerState {
  CGImageRef image = nullptr;
  CGImagePropertyOrientation orientation{};
  ~HandlerState() { CFRelease(image); }
};

ObservationState& state_of(VNObservation* object) {
  return *static_cast<ObservationState*>(object->state);
}
oko::stub_vision::Observation& state_of(VNRecognizedText* object) {
  return static_cast<TextState*>(object->state)->observation;
}
RequestState& state_of(VNRequest* object) {
  return *static_cast<RequestState*>(object->state);
}
HandlerState& state_of(VNImageRequestHandler* object) {
  return *static_cast<HandlerState*>(object->state);
}

}  // namespace

@implementation VNObservation
KEEPS(ObservationState)
@end

@implementation VNDetectedObjectObservation
- (CGRect)boundingBox {
  return state_of(self).box;
}
@end

@implementation VNRectangleObservation
@end

@implementation VNRecognizedText
KEEPS(TextState)
- (NSString*)string {
  return string_of(state_of(self).text);
}
- (float)confidence {
  return state_of(self).confidence;
}
- (VNRectangleObservation*)boundingBoxForRange:(NSRange)range error:(NSError**)error {
  const auto& part_of = state_of(self).part;
  const auto part = part_of ? part_of(range.location, range.length) : std::nullopt;
  if (!part) {
    set_error(error, {"com.apple.Vision", VNErrorOutOfBoundsError, "no box"});
    return nil;
  }
  VNRectangleObservation* rectangle = [[[VNRectangleObservation alloc] init] autorelease];
  state_of(rectangle).box = rect_of(*part);
  return rectangle;
}
@end

@implementation VNRecognizedTextObservation
- (NSArray<VNRecognizedText*>*)topCandidates:(NSUInteger)count {
  VNRecognizedText* text = state_of(self).text;
  return text == nil ? [NSArray array] : [NSArray arrayWithObject:text];
}
@end

@implementation VNRequest
KEEPS(RequestState)
- (void)setRevision:(NSUInteger)value {
  state_of(self).asked.revision = value;
}
- (void)cancel {
  state_of(self).asked.cancelled = true;
}
@end

@implementation VNImageBasedRequest
@end

@implementation VNRecognizeTextRequest
- (NSArray<NSString*>*)supportedRecognitionLanguagesAndReturnError:(NSError**)error {
  if (answers.no_languages) {
    set_error(error, *answers.no_languages);
    return nil;
  }
  NSMutableArray* all = [NSMutableArray array];
  for (const std::string& language : answers.languages) [all addObject:string_of(language)];
  return all;
}
- (void)setRecognitionLevel:(VNRequestTextRecognitionLevel)value {
  state_of(self).asked.level = value;
}
- (void)setRecognitionLanguages:(NSArray<NSString*>*)value {
  state_of(self).asked.languages = texts_of(value);
}
- (void)setCustomWords:(NSArray<NSString*>*)value {
  state_of(self).asked.custom_words = texts_of(value);
}
- (void)setUsesLanguageCorrection:(BOOL)value {
  state_of(self).asked.corrects = value;
}
- (void)setAutomaticallyDetectsLanguage:(BOOL)value {
  state_of(self).asked.detects = value;
}
- (void)setMinimumTextHeight:(float)value {
  state_of(self).asked.minimum_text_height = value;
}
- (NSArray<VNRecognizedTextObservation*>*)results {
  return state_of(self).observations;
}
@end

@implementation VNImageRequestHandler
KEEPS(HandlerState)
- (instancetype)initWithCGImage:(CGImageRef)picture
                    orientation:(CGImagePropertyOrientation)value
                        options:(NSDictionary*)options {
  self = [self init];
  ++picture->owners;
  state_of(self).image = picture;
  state_of(self).orientation = value;
  return self;
}
- (BOOL)performRequests:(NSArray<VNRequest*>*)requests error:(NSError**)error {
  RequestState& request = state_of((VNRequest*)[requests objectAtIndex:0]);
  const HandlerState& own = state_of(self);
  if (answers.while_performing) answers.while_performing();
  last = request.asked;
  last.orientation = own.orientation;
  last.width = own.image->width;
  last.height = own.image->height;
  last.bytes_per_row = own.image->bytes_per_row;
  const auto* bytes = static_cast<const unsigned char*>(own.image->provider->data);
  last.pixels.assign(bytes, bytes + last.height * last.bytes_per_row);
  if (!answers.exception.empty()) {
    [NSException raise:@"NSInternalInconsistencyException" format:@"%s", answers.exception.c_str()];
  }
  if (answers.failure) {
    set_error(error, *answers.failure);
    return NO;
  }
  NSMutableArray* all = [[NSMutableArray alloc] init];
  for (const oko::stub_vision::Observation& observation : answers.observations) {
    VNRecognizedTextObservation* made = [[[VNRecognizedTextObservation alloc] init] autorelease];
    state_of(made).box = rect_of(observation.box);
    state_of(made).text = [[VNRecognizedText alloc] init];
    state_of(state_of(made).text) = observation;
    [all addObject:made];
  }
  request.observations = all;
  return YES;
}
@end

namespace oko::stub_vision {

void answer(Answers value) {
  answers = std::move(value);
}
const Asked& asked() {
  return last;
}
long living_objects() {
  return living;
}

}  // namespace oko::stub_vision
