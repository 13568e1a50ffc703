#include "cli/web_input.h"

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <span>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/file.h"
#include "base/localized_text.h"
#include "base/lower_case.h"
#include "cli/terminal.h"
#include "cli/user_language.h"
#include "document/pdf.h"
#include "hub/web_file.h"
#include "image/image.h"
#include "image/sniff.h"
#include "net/http_client.h"

namespace oko::cli {
namespace {

constexpr std::size_t kHeadBytes = 1024;

/// Throws kUnsupported if a file that begins with `head` is no picture and no PDF.
void require_picture(const std::string& name, std::string_view head) {
  const auto bytes = std::as_bytes(std::span(head));
  if (image::sniff(bytes) || document::is_pdf(head)) return;
  const std::string text = lower_case(head);
  if (text.find("<html") != std::string::npos || text.find("<!doctype html") != std::string::npos) {
    throw Error(ErrorCode::kUnsupported, tr("{}: this is a web page", "{}: это веб-страница", name),
                tr("give the address of the picture itself", "укажите адрес самой картинки"));
  }
  throw Error(ErrorCode::kUnsupported,
              head.empty() ? tr("{}: is empty (0 bytes)", "{}: пуст (0 байт)", name)
                           : tr("{}: is neither a picture nor a PDF (it starts like {})",
                                "{}: это не картинка и не PDF (начинается как {})", name,
                                image::describe_head(bytes)),
              image::hint_of_formats("PDF, "));
}

/// A download into a temporary file.
class WebInput {
 public:
  explicit WebInput(std::string name) : name_(std::move(name)) {}

  void begin() {
    const std::filesystem::path folder = temporary_folder();
    head_.clear();
    is_checked_ = false;
    file_ = std::make_unique<TemporaryFile>(
        folder / "oko-web-", tr("{}, kept in {}", "{}, хранится в {}", name_, folder.string()));
  }

  void append(std::span<const std::byte> bytes) {
    if (!is_checked_) {
      const auto* const text = reinterpret_cast<const char*>(bytes.data());
      head_.append(text, std::min(bytes.size(), kHeadBytes - head_.size()));
      if (head_.size() == kHeadBytes) check();
    }
    file_->append(bytes);
  }

  std::unique_ptr<TemporaryFile> finish() {
    if (!file_) begin();  // nothing came
    if (!is_checked_) check();
    return std::move(file_);
  }

 private:
  void check() {
    require_picture(name_, head_);
    is_checked_ = true;
  }

  std::string name_;
  std::string head_;
  bool is_checked_ = false;
  std::unique_ptr<TemporaryFile> file_;
};

}  // namespace

std::unique_ptr<TemporaryFile> keep_web_file(const std::string& url, bool quiet,
                                             const StopToken& stop) {
  WebInput input(net::shown_url(url));
  ProgressBar progress(words("downloading", "скачиваю"), quiet);
  progress.update(0);  // a server may take its time
  hub::fetch_web_file(url, {},
                      {.begin = [&] { input.begin(); },
                       .append = [&](std::span<const std::byte> bytes) { input.append(bytes); },
                       .progress =
                           [&](std::uint64_t done, std::uint64_t total) {
                             const double share = total == 0 ? 0
                                                             : static_cast<double>(done) /
                                                                   static_cast<double>(total);
                             progress.update(share, shown(format_bytes(done)));
                           }},
                      stop);
  return input.finish();
}

void refuse_other_address(const std::string& argument) {
  if (!hub::is_other_address(argument) || has_entry(argument)) return;
  throw Error(ErrorCode::kBadInput,
              tr("{}: oko takes addresses that begin with https:// or http://",
                 "{}: oko принимает адреса, которые начинаются с https:// или http://",
                 net::shown_url(argument)),
              tr("save the file and name it", "сохраните файл и укажите его"));
}

}  // namespace oko::cli
