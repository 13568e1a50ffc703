#include "decoding/helper_decoder.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "base/error.h"
#include "base/localized_text.h"
#include "decoding/page_messages.h"

namespace oko::decoding {
namespace {

// Memory that a helper may take beyond what is reserved, before the system refuses it: what
// libraries keep, stacks of threads. The second: for a PDF, whose pictures nobody has counted. The
// third: for a text, which may be packed, and has limits of its own.
constexpr std::uint64_t kSpareBytes = 256'000'000, kSparePdfBytes = 1'500'000'000,
                        kSpareTextBytes = 1'000'000'000;

std::uint64_t pixels_of(int width, int height) {
  return static_cast<std::uint64_t>(width) * static_cast<std::uint64_t>(height);
}

MessageWriter call_of(Call call) {
  MessageWriter writer;
  writer.kind(call);
  return writer;
}

LocalizedText could_not_decode(const InputFile& file, const LocalizedText& reason) {
  return tr("{}: could not be decoded: {}", "{}: не удалось декодировать: {}", file.path().string(),
            reason);
}

/// True if a picture has the sides of a header, perhaps turned.
bool is_as(const image::Image& image, const image::Header& header) {
  return (image.width == header.width && image.height == header.height) ||
         (image.width == header.height && image.height == header.width);
}

}  // namespace

HelperDecoder::HelperDecoder(Helpers& helpers, HelperScope scope, StopToken stop)
    : helpers_(helpers), scope_(scope), stop_(std::move(stop)) {}

HelperDecoder::~HelperDecoder() {
  end_helper();
}

void HelperDecoder::end_helper() {
  if (helper_) helpers_.replace(std::move(helper_));
}

void HelperDecoder::fail(Error error) {
  failure_.emplace(std::move(error));
  throw Error(*failure_);
}

void HelperDecoder::begin(const InputFile& file) {
  throw_if_stopped(stop_);
  if (scope_ == HelperScope::kFile && asked_ != file.identity()) {
    end_helper();
    failure_.reset();
  }
  asked_ = file.identity();
  if (failure_) throw Error(*failure_);
  if (!helper_) start(file);
}

void HelperDecoder::start(const InputFile& file) {
  constexpr int kMostStarts = 3;
  for (int i = 1;; ++i) {
    try {
      helper_ = helpers_.take();
    } catch (const Error& error) {
      fail(error);
    }
    opened_.reset();
    try {
      const StopCallback kill(stop_, [helper = helper_.get()] { helper->kill(); });
      open(file);
      if (scope_ == HelperScope::kFile) helpers_.prepare();  // while this one works
      return;
    } catch (const HelperEnded& ended) {
      end_helper();
      throw_if_stopped(stop_);
      if (i < kMostStarts) continue;
      fail({ErrorCode::kFailed, could_not_decode(file, ended.reason),
            tr("its decoder had not got the file yet: see what ends processes of oko, such as a "
               "lack of memory",
               "декодер ещё не получил файл: узнайте, что завершает процессы oko, например "
               "нехватка памяти")});
    }
  }
}

template <typename Read>
auto HelperDecoder::ask(const InputFile& file, const MessageWriter& call, std::uint64_t more_bytes,
                        const Read& read) {
  const auto fail_for = [&](const LocalizedText& reason) {
    end_helper();
    throw_if_stopped(stop_);
    fail({ErrorCode::kBadInput, could_not_decode(file, reason),
          tr("the file may be damaged: open it in a viewer and save it again",
             "файл может быть повреждён: откройте его в просмотрщике и сохраните ещё раз")});
  };
  try {
    begin(file);
    const StopCallback kill(stop_, [helper = helper_.get()] { helper->kill(); });
    open(file);
    const std::string bytes = answer_of(call.bytes(), more_bytes);
    MessageReader answer(bytes);
    auto result = read(answer);
    answer.require_end();
    return result;
  } catch (const HelperEnded& ended) {
    fail_for(ended.reason);
  } catch (const BadMessage&) {
    fail_for(tr("its decoder said what cannot be", "декодер ответил то, чего не может быть"));
  }
  std::abort();  // `fail_for` throws
}

std::string HelperDecoder::answer_of(std::string_view call, std::uint64_t more_bytes,
                                     int descriptor) {
  std::string answer = helper_->ask(call, more_bytes, descriptor);
  MessageReader reader(answer);
  if (reader.flag()) return answer.erase(0, 1);  // a copy may be large
  Error error = read_error(reader);
  reader.require_end();
  throw error;
}

void HelperDecoder::open(const InputFile& file) {
  if (opened_ == file.identity()) return;
  MessageWriter call = call_of(Call::kOpen);
  call.text(file.path().string());
  answer_of(call.bytes(), kSpareBytes, file.descriptor());
  opened_ = file.identity();
}

void HelperDecoder::receive_pixels(image::Image& image) {
  image.rgb.resize(3 * pixels_of(image.width, image.height));
  helper_->receive(image.rgb);
}

int HelperDecoder::page_count(const InputFile& file, const document::PdfOptions& options) {
  constexpr int kMost = 1'000'000;
  const MutexLock lock(mutex_);
  opened_.reset();  // temporary files of one size may follow each other under one identity
  MessageWriter call = call_of(Call::kPageCount);
  write(call, options);
  return ask(file, call, file.size() + kSparePdfBytes,
             [](MessageReader& answer) { return answer.within(1, kMost); });
}

image::Header HelperDecoder::header_of(const InputFile& file, const image::Limits& limits,
                                       int page) {
  MessageWriter call = call_of(Call::kReadHeader);
  write(call, limits);
  call.number(page);
  return ask(file, call, 3 * file.size() + kSpareBytes, [&](MessageReader& answer) {
    image::Header header = decoding::read_header(answer);
    // The pixels of faxes are stretched up to 3 times.
    if (pixels_of(header.width, header.height) / 3 > limits.max_pixels) throw BadMessage();
    return header;
  });
}

image::Header HelperDecoder::read_header(const InputFile& file, const image::Limits& limits,
                                         int page) {
  const MutexLock lock(mutex_);
  image::Header header = header_of(file, limits, page);
  // The helper has the file and the picture while this process gets it.
  const std::uint64_t passing = file.size() + 6 * pixels_of(header.width, header.height);
  header.decode_bytes = std::max(header.decode_bytes, passing) + kHelperBytes;
  return header;
}

image::Image HelperDecoder::load(const InputFile& file, const image::Limits& limits, int page) {
  const MutexLock lock(mutex_);
  const image::Header header = header_of(file, limits, page);
  MessageWriter call = call_of(Call::kLoad);
  write(call, limits);
  call.number(page);
  return ask(file, call, 2 * header.decode_bytes + file.size() + kSpareBytes,
             [&](MessageReader& answer) {
               image::Image image = read_image(answer);
               if (!is_as(image, header)) throw BadMessage();
               answer.require_end();
               receive_pixels(image);
               return image;
             });
}

document::PageSize HelperDecoder::size_of(const InputFile& file,
                                          const document::PdfOptions& options, int page) {
  MessageWriter call = call_of(Call::kPageSize);
  write(call, options);
  call.number(page);
  return ask(file, call, file.size() + kSparePdfBytes, [&](MessageReader& answer) {
    const document::PageSize size = read_page_size(answer);
    // Sides are rounded, and are at least 1.
    const std::uint64_t most = options.max_pixels + pixels_of(1, size.width + size.height);
    if (pixels_of(size.width, size.height) > most) throw BadMessage();
    return size;
  });
}

document::PageSize HelperDecoder::page_size(const InputFile& file,
                                            const document::PdfOptions& options, int page) {
  const MutexLock lock(mutex_);
  return size_of(file, options, page);
}

document::PdfPage HelperDecoder::read_page(const InputFile& file,
                                           const document::PdfOptions& options, int page,
                                           const document::PdfPageOptions& needs) {
  const MutexLock lock(mutex_);
  const document::PageSize size = size_of(file, options, page);
  MessageWriter call = call_of(Call::kReadPage);
  write(call, options);
  call.number(page);
  call.number(needs.only_painted);
  call.number(needs.always_draws);
  const std::uint64_t bytes = 6 * pixels_of(size.width, size.height) + file.size();
  return ask(file, call, bytes + kSparePdfBytes, [&](MessageReader& answer) {
    document::PdfPage read = decoding::read_page(answer);
    image::Image& image = read.image;
    const bool is_drawn = image.width != 0 || image.height != 0;
    if (is_drawn && (image.width != size.width || image.height != size.height)) throw BadMessage();
    const auto& text = read.layer.page;
    if (text && (text->width != size.width || text->height != size.height)) throw BadMessage();
    // Callers need a picture of a page whose text is not all of it.
    const bool is_needed = needs.always_draws || !text || !read.plausible ||
                           !read.pictures.empty() || !read.unclear.empty();
    if ((read.plausible && !text) || (is_needed && !is_drawn)) throw BadMessage();
    answer.require_end();
    if (is_drawn) receive_pixels(image);
    return read;
  });
}

document::TextDocument HelperDecoder::read_text_document(const InputFile& file,
                                                         document::TextKind kind) {
  constexpr std::uint64_t kCopies = 4;  // the bytes, their text, its blocks, the answer
  const MutexLock lock(mutex_);
  opened_.reset();
  MessageWriter call = call_of(Call::kReadText);
  call.kind(kind);
  return ask(file, call, kCopies * file.size() + kSpareTextBytes,
             [](MessageReader& answer) { return decoding::read_text_document(answer); });
}

std::uint64_t HelperDecoder::bytes_elsewhere(std::uint64_t pixels) const {
  return kHelperBytes + 3 * pixels;
}

}  // namespace oko::decoding
