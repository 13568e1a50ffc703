#include "document/pdf_structure.h"

#include <zlib.h>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <span>
#include <string_view>

#include "document/qpdf_file.h"

namespace oko::document {
namespace {

struct FreeBytes {
  void operator()(unsigned char* bytes) const { std::free(bytes); }
};

/// Whether zlib finds what no deflated data has, or the data breaks off within a block. What ends
/// behind a block is whole: many files lack the last one or the checksum, so both are left out.
/// Nothing of the result is kept, however large it would be.
bool is_damaged_deflate(std::span<const unsigned char> data) {
  constexpr std::size_t kHeader = 2;  // of zlib around the deflated data
  if (data.size() < kHeader || (data[0] & 0xF) != Z_DEFLATED ||
      (data[0] << 8 | data[1]) % 31 != 0) {
    return true;
  }
  z_stream stream{};
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) return false;
  std::array<unsigned char, 32'768> ignored;
  stream.next_in = const_cast<unsigned char*>(data.data() + kHeader);  // zlib does not write there
  stream.avail_in = static_cast<uInt>(data.size() - kHeader);
  constexpr uLong kMost = 256U << 20;  // bytes: no page has more, but for hostile ones
  int result = Z_OK;
  while (result == Z_OK && stream.total_out < kMost) {
    stream.next_out = ignored.data();
    stream.avail_out = static_cast<uInt>(ignored.size());
    result = inflate(&stream, Z_NO_FLUSH);
  }
  constexpr int kBehindBlock = 128;
  const bool is_cut = result == Z_BUF_ERROR && (stream.data_type & kBehindBlock) == 0;
  inflateEnd(&stream);
  return result == Z_DATA_ERROR || is_cut;
}

}  // namespace

struct PdfStructure::File {
  /// Of streams with other filters nothing can be told.
  bool is_damaged(qpdf_oh stream) {
    if (!qpdf.is_stream(stream)) return false;
    const qpdf_oh filter = qpdf.get(qpdf_oh_get_dict(qpdf, stream), "/Filter");
    qpdf_oh first = filter;
    if (qpdf.is_array(filter)) {
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

  QpdfFile qpdf;
};

PdfStructure::PdfStructure(const std::filesystem::path& path) : file_(new File) {
  if (file_->qpdf.open(path)) page_count_ = qpdf_get_num_pages(file_->qpdf);
  if (page_count_ > 0) return;
  page_count_ = 0;
  file_.reset();
}

PdfStructure::~PdfStructure() = default;

bool PdfStructure::has_damaged_content(int page) const {
  if (page < 0 || page >= page_count_) return false;
  const QpdfFile& qpdf = file_->qpdf;
  const qpdf_oh contents =
      qpdf.get(qpdf_get_page_n(qpdf, static_cast<std::size_t>(page)), "/Contents");
  bool damaged = false;
  if (qpdf.is_array(contents)) {
    const int parts = qpdf_oh_get_array_n_items(qpdf, contents);
    for (int i = 0; i < parts && !damaged; ++i) {
      damaged = file_->is_damaged(qpdf_oh_get_array_item(qpdf, contents, i));
    }
  } else {
    damaged = file_->is_damaged(contents);
  }
  qpdf_oh_release_all(qpdf);
  return damaged;
}

double PdfStructure::user_unit(int page) const {
  if (page < 0 || page >= page_count_) return 1;
  const QpdfFile& qpdf = file_->qpdf;
  const qpdf_oh object =
      qpdf.get(qpdf_get_page_n(qpdf, static_cast<std::size_t>(page)), "/UserUnit");
  const double unit =
      qpdf_oh_is_number(qpdf, object) != QPDF_FALSE ? qpdf_oh_get_numeric_value(qpdf, object) : 1;
  qpdf_oh_release_all(qpdf);
  return std::isfinite(unit) && unit > 0 ? unit : 1;
}

}  // namespace oko::document
