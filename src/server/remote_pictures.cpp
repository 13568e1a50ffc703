#include "server/remote_pictures.h"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/localized_text.h"
#include "document/pdf.h"
#include "image/sniff.h"
#include "server/chat_task.h"
#include "server/request_json.h"

namespace oko::server {
namespace {

/// Of all requests together, as bodies have it.
constexpr std::uint64_t kMostRemoteBytes = 256 * 1024 * 1024;

/// A request's part of the bytes of all.
class RemoteBytes {
 public:
  explicit RemoteBytes(std::atomic<std::uint64_t>& total) : total_(total) {}
  ~RemoteBytes() { total_ -= bytes_; }
  RemoteBytes(const RemoteBytes&) = delete;
  RemoteBytes& operator=(const RemoteBytes&) = delete;

  void add(std::uint64_t bytes) {
    bytes_ += bytes;
    const std::uint64_t of_all = total_ += bytes;
    if (of_all <= kMostRemoteBytes) return;
    throw Error(ErrorCode::kBusy, tr("the pictures that are fetched at once have too many bytes",
                                     "одновременно загружается слишком много байт картинок"));
  }

  std::uint64_t bytes() const { return bytes_; }

 private:
  std::atomic<std::uint64_t>& total_;
  std::uint64_t bytes_ = 0;
};

/// Says nothing of what came: it may be of nobody's business.
void require_picture(const ChatPicture& picture) {
  constexpr std::size_t kHeadBytes = 1024;
  const std::string_view head = std::string_view(picture.bytes).substr(0, kHeadBytes);
  if (image::sniff(std::as_bytes(std::span(head))) || document::is_pdf(head)) return;
  throw FieldError(picture.field, tr("{}: neither a picture nor a PDF is at this address",
                                     "{}: по этому адресу ни картинки, ни PDF", picture.field));
}

void fetch_picture(ChatPicture& picture, net::PublicFileOptions options, RemoteBytes& bytes,
                   const StopToken& stop) {
  options.max_bytes -= std::min(bytes.bytes(), options.max_bytes);  // of one request together
  try {
    net::fetch_public_file(
        picture.address, options,
        [&](std::span<const std::byte> piece) {
          bytes.add(piece.size());
          picture.bytes.append(reinterpret_cast<const char*>(piece.data()), piece.size());
        },
        stop);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kCancelled || error.code() == ErrorCode::kBusy) throw;
    throw FieldError(picture.field, format_text("{}: {}", picture.field, error.message()));
  }
  require_picture(picture);
}

}  // namespace

void RemotePictures::fetch(ChatTask& task, const StopToken& stop) {
  std::shared_ptr<RemoteBytes> bytes;
  for (ChatPicture& picture : task.pictures) {
    if (picture.address.empty()) continue;
    if (!options_) {
      throw FieldError(
          picture.field,
          tr("{}: oko fetches no addresses; send the picture as data:image/png;base64,..., or "
             "start "
             "the server with --allow-remote-images",
             "{}: oko не ходит по адресам; пришлите картинку как data:image/png;base64,... или "
             "запустите сервер с --allow-remote-images",
             picture.field));
    }
    if (!bytes) bytes = std::make_shared<RemoteBytes>(bytes_);
    fetch_picture(picture, *options_, *bytes, stop);
  }
  task.remote_bytes = std::move(bytes);
}

}  // namespace oko::server
