#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/file_identity.h"
#include "base/mutex.h"
#include "base/stop_token.h"
#include "decoding/helper_process.h"
#include "decoding/helpers.h"
#include "decoding/message.h"
#include "document/page_decoder.h"

namespace oko::decoding {

/// Has helpers decode, and believes nothing that they say about sizes. A helper that ends before it
/// has a file is replaced by another one; kFailed if those end, too.
class HelperDecoder final : public document::PageDecoder {
 public:
  /// `helpers` must outlive it.
  HelperDecoder(Helpers& helpers, HelperScope scope, StopToken stop);
  ~HelperDecoder() override;
  HelperDecoder(const HelperDecoder&) = delete;
  HelperDecoder& operator=(const HelperDecoder&) = delete;

  int page_count(const InputFile& file, const document::PdfOptions& options) override;
  image::Header read_header(const InputFile& file, const image::Limits& limits, int page) override;
  image::Image load(const InputFile& file, const image::Limits& limits, int page) override;
  document::PageSize page_size(const InputFile& file, const document::PdfOptions& options,
                               int page) override;
  document::PdfPage read_page(const InputFile& file, const document::PdfOptions& options, int page,
                              const document::PdfPageOptions& needs) override;
  document::TextDocument read_text_document(const InputFile& file,
                                            document::TextKind kind) override;
  std::uint64_t bytes_elsewhere(std::uint64_t pixels) const override;

 private:
  /// Calls `read(answer)` with the answer to a call about a file, and returns its value.
  template <typename Read>
  auto ask(const InputFile& file, const MessageWriter& call, std::uint64_t more_bytes,
           const Read& read);
  /// Throws the Error that an answer has.
  std::string answer_of(std::string_view call, std::uint64_t more_bytes, int descriptor = -1);
  /// Makes sure of a helper for the file.
  void begin(const InputFile& file);
  void start(const InputFile& file);
  void open(const InputFile& file);
  /// Has the next helper started meanwhile.
  void end_helper();
  [[noreturn]] void fail(Error error);
  void receive_pixels(image::Image& image);
  image::Header header_of(const InputFile& file, const image::Limits& limits, int page);
  document::PageSize size_of(const InputFile& file, const document::PdfOptions& options, int page);

  Helpers& helpers_;
  HelperScope scope_;
  StopToken stop_;
  Mutex mutex_;  ///< held during a call
  std::unique_ptr<HelperProcess> helper_;
  std::optional<FileIdentity> opened_;  ///< the file that the helper has
  std::optional<FileIdentity> asked_;   ///< the file of the last call
  std::optional<Error> failure_;        ///< of a helper: it ends the work of its scope
};

}  // namespace oko::decoding
