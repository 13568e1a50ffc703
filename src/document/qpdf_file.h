#pragma once

#include <qpdf/qpdf-c.h>

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/input_file.h"

namespace oko::document {

/// A PDF in qpdf, by its C functions: its C++ headers do not compile with every standard library.
/// One thread at a time.
class QpdfFile {
 public:
  QpdfFile() : data_(qpdf_init()) {
    qpdf_silence_errors(data_);
    qpdf_set_suppress_warnings(data_, QPDF_TRUE);
  }
  ~QpdfFile() {
    qpdf_get_error(data_);  // else qpdf prints it
    qpdf_cleanup(&data_);
  }
  QpdfFile(const QpdfFile&) = delete;
  QpdfFile& operator=(const QpdfFile&) = delete;

  /// True if the file could be read, or repaired.
  bool open(std::shared_ptr<const InputMapping> file, const std::string& password = {}) {
    file_ = std::move(file);
    return (qpdf_read_memory(data_, file_->name().c_str(), bytes().data(), bytes().size(),
                             password.c_str()) &
            QPDF_ERRORS) == 0;
  }

  /// Opens a file without repair and returns the number of its pages; 0 if it is incomplete. Checks
  /// a written file, since qpdf does not report a failed write: lost bytes move all bytes behind
  /// them, and the offsets of objects are at the end.
  int open_unrepaired(const std::filesystem::path& path, const std::string& password) {
    qpdf_set_attempt_recovery(data_, QPDF_FALSE);
    const bool is_read = (qpdf_read(data_, path.c_str(), password.c_str()) & QPDF_ERRORS) == 0;
    return is_read ? page_count() : 0;
  }

  /// 0 if the tree of pages has a loop or is not a tree.
  int page_count() const {
    const int count = qpdf_get_num_pages(data_);
    if (qpdf_has_error(data_) == QPDF_FALSE) return count;
    qpdf_get_error(data_);
    return 0;
  }

  /// The file as `open` got it.
  std::string_view bytes() const {
    return {reinterpret_cast<const char*>(file_->bytes().data()), file_->bytes().size()};
  }

  operator qpdf_data() const { return data_; }

  bool is_dictionary(qpdf_oh object) const {
    return qpdf_oh_is_dictionary(data_, object) != QPDF_FALSE;
  }
  bool is_array(qpdf_oh object) const { return qpdf_oh_is_array(data_, object) != QPDF_FALSE; }
  bool is_stream(qpdf_oh object) const { return qpdf_oh_is_stream(data_, object) != QPDF_FALSE; }
  qpdf_oh get(qpdf_oh dictionary, const char* key) const {
    return qpdf_oh_get_key(data_, dictionary, key);
  }

 private:
  std::shared_ptr<const InputMapping> file_;  ///< qpdf reads from it until the end
  qpdf_data data_;
};

}  // namespace oko::document
