#include "document/pdf_structure.h"

#include <qpdf/qpdf-c.h>
#include <zlib.h>

#include <array>
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <span>
#include <string_view>

namespace oko::document {
namespace {

struct FreeBytes {
  void operator()(unsigned char* bytes) const { std::free(bytes); }
};

/// Whether zlib finds in the middle of the data what no deflated data has. A missing end says
/// nothing: many files lack the checksum. Nothing of the result is kept, however large it would be.
bool is_damaged_deflate(std::span<const unsigned char> data) {
  z_stream stream{};
  if (inflateInit(&stream) != Z_OK) return false;
  std::array<unsigned char, 32'768> ignored;
  stream.next_in = const_cast<unsigned char*>(data.data());  // zlib does not write there
  stream.avail_in = static_cast<uInt>(data.size());
  constexpr uLong kMost = 256U << 20;  // bytes: no page has more, but for hostile ones
  int result = Z_OK;
  while (result == Z_OK && stream.total_out < kMost) {
    stream.next_out = ignored.data();
    stream.avail_out = static_cast<uInt>(ignored.size());
    result = inflate(&stream, Z_NO_FLUSH);
  }
  const bool only_checksum =
      stream.msg != nullptr && std::string_view(stream.msg) == "incorrect data check";
  inflateEnd(&stream);
  return result == Z_DATA_ERROR && !only_checksum;
}

}  // namespace

// qpdf's C functions: its C++ headers do not compile with every standard library.
struct PdfStructure::File {
  File() { qpdf_silence_errors(qpdf); }
  ~File() { qpdf_cleanup(&qpdf); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  bool open(const char* path) {
    qpdf_set_suppress_warnings(qpdf, QPDF_TRUE);
    return (qpdf_read(qpdf, path, nullptr) & QPDF_ERRORS) == 0;
  }

  /// Of streams with other filters nothing can be told.
  bool is_damaged(qpdf_oh stream) {
    if (qpdf_oh_is_stream(qpdf, stream) == QPDF_FALSE) return false;
    const qpdf_oh filter = qpdf_oh_get_key(qpdf, qpdf_oh_get_dict(qpdf, stream), "/Filter");
    qpdf_oh first = filter;
    if (qpdf_oh_is_array(qpdf, filter) != QPDF_FALSE) {
      if (qpdf_oh_get_array_n_items(qpdf, filter) != 1) return false;
      first = qpdf_oh_get_array_item(qpdf, filter, 0);
    }
    if (qpdf_oh_is_name(qpdf, first) == QPDF_FALSE ||
        std::string_view(qpdf_oh_get_name(qpdf, first)) != "/FlateDecode") {
      return false;
    }
    unsigned char* bytes = nullptr;
    std::size_t size = 0;
    QPDF_BOOL filtered = QPDF_FALSE;
    const QPDF_ERROR_CODE error =
        qpdf_oh_get_stream_data(qpdf, stream, qpdf_dl_none, &filtered, &bytes, &size);
    const std::unique_ptr<unsigned char, FreeBytes> owner(bytes);
    return (error & QPDF_ERRORS) == 0 && bytes != nullptr && is_damaged_deflate({bytes, size});
  }

  qpdf_data qpdf = qpdf_init();
};

PdfStructure::PdfStructure(const std::filesystem::path& path) : file_(new File) {
  if (!file_->open(path.c_str())) file_.reset();
}

PdfStructure::~PdfStructure() = default;

bool PdfStructure::has_damaged_content(int page) const {
  if (!file_ || page >= qpdf_get_num_pages(file_->qpdf)) return false;
  const qpdf_oh object = qpdf_get_page_n(file_->qpdf, static_cast<std::size_t>(page));
  const qpdf_oh contents = qpdf_oh_get_key(file_->qpdf, object, "/Contents");
  bool damaged = false;
  if (qpdf_oh_is_array(file_->qpdf, contents) != QPDF_FALSE) {
    const int parts = qpdf_oh_get_array_n_items(file_->qpdf, contents);
    for (int i = 0; i < parts && !damaged; ++i) {
      damaged = file_->is_damaged(qpdf_oh_get_array_item(file_->qpdf, contents, i));
    }
  } else {
    damaged = file_->is_damaged(contents);
  }
  qpdf_oh_release_all(file_->qpdf);
  return damaged;
}

}  // namespace oko::document
