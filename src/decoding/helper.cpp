#include "decoding/helper.h"

#include <csignal>
#include <memory>
#include <new>
#include <string>
#include <utility>

#include "base/input_file.h"
#include "base/localized_text.h"
#include "decoding/channel.h"
#include "decoding/page_messages.h"
#include "decoding/platform.h"
#include "document/pdfium_library.h"
#include "image/decoders.h"
#include "image/picture_file.h"

namespace oko::decoding {
namespace {

constexpr std::uint64_t kLargestCall = 1'000'000;  // bytes

// A file that is cut ends this process alone, which its server tells of.
constexpr auto kBytes = image::FileBytes::kMapped;

#ifdef OKO_UNCONFINED
constexpr bool kHaveLimits = false;
#else
constexpr bool kHaveLimits = true;
#endif

/// The answers to the calls of one server.
class Answers {
 public:
  explicit Answers(const Channel& channel) : channel_(channel) {}

  /// Returns false if the server is gone.
  bool answer(const std::string& call, int descriptor) {
    MessageWriter answer;
    image::Image image;
    try {
      MessageReader from(call);
      answer.number(true);
      carry_out(from, descriptor, answer, image);
    } catch (const Error& error) {
      answer = failure(error);
    } catch (const std::bad_alloc&) {
      answer = failure({ErrorCode::kTooLarge,
                        tr("{}: takes more memory to decode than oko reserves for it",
                           "{}: для декодирования нужно больше памяти, чем oko выделяет", name_)});
    }
    return channel_.send(answer.bytes()) == Channel::Result::kDone &&
           channel_.send_bytes(image.rgb) == Channel::Result::kDone;
  }

 private:
  static MessageWriter failure(const Error& error) {
    MessageWriter answer;
    answer.number(false);
    write(answer, error);
    return answer;
  }

  /// `image` gets the pixels that follow the result.
  void carry_out(MessageReader& from, int descriptor, MessageWriter& result, image::Image& image) {
    const Call call = from.kind(Call::kReadText);
    if (call == Call::kOpen) {
      open(from.text(), descriptor);
      return;
    }
    if (!file_) throw Error(ErrorCode::kFailed, tr("no file is open", "файл не открыт"));
    if (call == Call::kReadHeader || call == Call::kLoad) {
      const image::Limits limits = read_limits(from);
      const int page = from.number<int>();
      if (call == Call::kReadHeader) {
        write(result, image::read_header(*file_, limits, page, kBytes));
        return;
      }
      image = image::load(*file_, limits, page, kBytes);
      write(result, image);
      return;
    }
    if (call == Call::kReadText) {
      const auto kind = from.kind(document::TextKind::kEmail);
      write(result, document::read_text_document(*file_, kind));
      return;
    }
    const document::PdfOptions options = read_pdf_options(from);
    if (call == Call::kPageCount) {
      const bool is_pdf = document::is_pdf(*file_);
      result.number(is_pdf ? pdf(options).page_count() : image::page_count(*file_, {}, kBytes));
      return;
    }
    const int page = from.number<int>();
    if (call == Call::kPageSize) {
      write(result, pdf(options).page_size(page));
      return;
    }
    document::PdfPageOptions needs;
    needs.only_painted = from.flag();
    needs.always_draws = from.flag();
    document::PdfPage read = document::read_pdf_page(pdf(options), page, needs);
    pdf(options).close_page();
    write(result, read);
    image = std::move(read.image);
  }

  void open(std::string name, int descriptor) {
    pdf_.reset();
    file_.reset();
    name_ = std::move(name);
    file_ = std::make_unique<InputFile>(name_, descriptor, ErrorCode::kBadInput);
  }

  /// The file, parsed once for all pages of a size.
  const document::Pdf& pdf(const document::PdfOptions& options) {
    const bool is_same = pdf_ != nullptr && options.resolution == options_.resolution &&
                         options.max_pixels == options_.max_pixels &&
                         options.password == options_.password;
    if (!is_same) {
      pdf_.reset();
      pdf_ = std::make_unique<document::Pdf>(*file_, options);
      options_ = options;
    }
    return *pdf_;
  }

  const Channel& channel_;
  std::string name_;
  std::unique_ptr<InputFile> file_;
  std::unique_ptr<document::Pdf> pdf_;
  document::PdfOptions options_;
};

}  // namespace

bool helpers_have_limits() {
  return kHaveLimits;
}

int run_helper() {
  std::signal(SIGXFSZ, SIG_IGN);  // NOLINT: a write beyond a limit fails
  // All that these libraries open or load, while it is allowed.
  image::start_decoders();
  document::lock_pdfium();
  document::start_text_readers();
  const Confinement confinement = helpers_have_limits() ? confine() : Confinement();
  const Channel channel(kHelperSocket);
  MessageWriter ready;
  ready.number(confinement.calls);
  ready.number(confinement.files);
  if (channel.send(ready.bytes()) != Channel::Result::kDone) return 1;
  Answers answers(channel);
  std::string call;
  int descriptor = -1;
  while (channel.receive(call, kLargestCall, descriptor) == Channel::Result::kDone) {
    if (!answers.answer(call, descriptor)) return 1;
  }
  return 0;
}

}  // namespace oko::decoding
