#include "document/pdf_structure.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "document/deflate.h"
#include "document/qpdf_file.h"
#include "document/stream_filters.h"

namespace oko::document {
namespace {

constexpr std::size_t kMostKept = 32U << 20;  // bytes of the content of a page

struct FreeBytes {
  void operator()(unsigned char* bytes) const { std::free(bytes); }
};

}  // namespace

struct PdfStructure::File {
  /// The state of a part of the content of a page.
  enum class Part { kKnown, kUnknown, kDamaged };

  /// The filters of a stream in the order of their use; nothing if they are not names.
  std::optional<std::vector<std::string>> filters_of(qpdf_oh dictionary) {
    const qpdf_oh filter = qpdf.get(dictionary, "/Filter");
    const bool is_array = qpdf.is_array(filter);
    std::vector<std::string> filters;
    if (qpdf_oh_is_null(qpdf, filter) != QPDF_FALSE) return filters;
    const int count = is_array ? qpdf_oh_get_array_n_items(qpdf, filter) : 1;
    for (int i = 0; i < count; ++i) {
      const qpdf_oh name = is_array ? qpdf_oh_get_array_item(qpdf, filter, i) : filter;
      if (qpdf_oh_is_name(qpdf, name) == QPDF_FALSE) return std::nullopt;
      filters.emplace_back(qpdf_oh_get_name(qpdf, name));
    }
    return filters;
  }

  /// The data as stored, without encryption; nothing if it cannot be read.
  std::optional<std::string> data_of(qpdf_oh stream) {
    unsigned char* bytes = nullptr;
    std::size_t size = 0;
    QPDF_BOOL filtered = QPDF_FALSE;
    const QPDF_ERROR_CODE error =
        qpdf_oh_get_stream_data(qpdf, stream, qpdf_dl_none, &filtered, &bytes, &size);
    const std::unique_ptr<unsigned char, FreeBytes> owner(bytes);
    if ((error & QPDF_ERRORS) != 0 || bytes == nullptr) return std::nullopt;
    return std::string(reinterpret_cast<const char*>(bytes), size);
  }

  /// Adds it to `content`.
  Part add(qpdf_oh stream, std::string& content) {
    if (!qpdf.is_stream(stream)) return is_missing(stream) ? Part::kDamaged : Part::kKnown;
    const qpdf_oh dictionary = qpdf_oh_get_dict(qpdf, stream);
    const auto filters = filters_of(dictionary);
    std::optional<std::string> data = data_of(stream);
    if (!filters || !data) return Part::kUnknown;
    for (const std::string& filter : *filters) {
      if (filter == "/FlateDecode") {
        std::string inflated;
        if (is_damaged_deflate(std::as_bytes(std::span(*data)), kMostKept, inflated)) {
          return Part::kDamaged;
        }
        data = std::move(inflated);
      } else {
        data = without_filter(filter, *data, kMostKept);
        if (!data) return Part::kUnknown;
      }
      const bool is_predicted =
          qpdf_oh_is_null(qpdf, qpdf.get(dictionary, "/DecodeParms")) == QPDF_FALSE;
      if (is_predicted) return Part::kUnknown;
    }
    content.append(*data, 0, kMostKept + 1) += '\n';
    return content.size() > kMostKept ? Part::kUnknown : Part::kKnown;
  }

  /// True if it refers to an object that the file does not have.
  bool is_missing(qpdf_oh object) {
    return qpdf_oh_is_indirect(qpdf, object) != QPDF_FALSE &&
           qpdf_oh_is_null(qpdf, object) != QPDF_FALSE;
  }

  ContentEnd content_end(qpdf_oh contents) {
    const bool is_array = qpdf.is_array(contents);
    const int parts = is_array ? qpdf_oh_get_array_n_items(qpdf, contents) : 1;
    std::string content;
    bool known = true;
    for (int i = 0; i < parts; ++i) {
      const Part part =
          add(is_array ? qpdf_oh_get_array_item(qpdf, contents, i) : contents, content);
      if (part == Part::kDamaged) return ContentEnd::kBroken;
      known = known && part == Part::kKnown;
    }
    return known ? end_of(content) : ContentEnd::kWhole;
  }

  /// Numbers of the objects that an array refers to.
  std::set<int> objects_in(qpdf_oh array) {
    std::set<int> numbers;
    const int count = qpdf.is_array(array) ? qpdf_oh_get_array_n_items(qpdf, array) : 0;
    for (int i = 0; i < count; ++i) {
      numbers.insert(qpdf_oh_get_object_id(qpdf, qpdf_oh_get_array_item(qpdf, array, i)));
    }
    return numbers;
  }

  QpdfFile qpdf;
  int last_page = -1;  ///< the one used last
  ContentEnd last_end = ContentEnd::kWhole;
};

PdfStructure::PdfStructure(std::shared_ptr<const InputMapping> file) : file_(new File) {
  if (file_->qpdf.open(std::move(file))) page_count_ = file_->qpdf.page_count();
  if (page_count_ > 0) return;
  page_count_ = 0;
  file_.reset();
}

PdfStructure::~PdfStructure() = default;

ContentEnd PdfStructure::content_end(int page) const {
  if (page < 0 || page >= page_count_) return ContentEnd::kWhole;
  if (file_->last_page != page) {
    const QpdfFile& qpdf = file_->qpdf;
    const qpdf_oh object = qpdf_get_page_n(qpdf, static_cast<std::size_t>(page));
    file_->last_end = file_->content_end(qpdf.get(object, "/Contents"));
    file_->last_page = page;
    qpdf_oh_release_all(qpdf);
  }
  return file_->last_end;
}

std::set<std::string> PdfStructure::hidden_layers() const {
  if (!file_) return {};
  QpdfFile& qpdf = file_->qpdf;
  const qpdf_oh properties = qpdf.get(qpdf_get_root(qpdf), "/OCProperties");
  std::set<std::string> hidden, shown;
  if (qpdf.is_dictionary(properties)) {
    const qpdf_oh usual = qpdf.get(properties, "/D"), state = qpdf.get(usual, "/BaseState");
    const bool all_off = qpdf_oh_is_name(qpdf, state) != QPDF_FALSE &&
                         std::string_view(qpdf_oh_get_name(qpdf, state)) == "/OFF";
    const std::set<int> changed = file_->objects_in(qpdf.get(usual, all_off ? "/ON" : "/OFF"));
    const qpdf_oh layers = qpdf.get(properties, "/OCGs");
    const int count = qpdf.is_array(layers) ? qpdf_oh_get_array_n_items(qpdf, layers) : 0;
    for (int i = 0; i < count; ++i) {
      const qpdf_oh layer = qpdf_oh_get_array_item(qpdf, layers, i);
      if (!qpdf.is_dictionary(layer)) continue;
      const bool off = changed.contains(qpdf_oh_get_object_id(qpdf, layer)) != all_off;
      const qpdf_oh name = qpdf.get(layer, "/Name");
      if (qpdf_oh_is_string(qpdf, name) == QPDF_FALSE) continue;
      std::size_t size = 0;
      const char* bytes = qpdf_oh_get_binary_string_value(qpdf, name, &size);
      (off ? hidden : shown).insert(std::string(bytes, size));
    }
  }
  qpdf_oh_release_all(qpdf);
  for (const std::string& name : shown) hidden.erase(name);
  return hidden;
}

bool PdfStructure::is_portfolio() const {
  if (!file_) return false;
  const QpdfFile& qpdf = file_->qpdf;
  const bool result = qpdf.is_dictionary(qpdf.get(qpdf_get_root(qpdf), "/Collection"));
  qpdf_oh_release_all(qpdf);
  return result;
}

bool PdfStructure::is_xml_form() const {
  if (!file_) return false;
  const QpdfFile& qpdf = file_->qpdf;
  const qpdf_oh root = qpdf_get_root(qpdf);
  QPDF_BOOL needs_rendering = QPDF_FALSE;
  const bool result = qpdf_oh_get_value_as_bool(qpdf, qpdf.get(root, "/NeedsRendering"),
                                                &needs_rendering) != QPDF_FALSE &&
                      needs_rendering != QPDF_FALSE;
  qpdf_oh_release_all(qpdf);
  return result;
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

bool PdfStructure::has_crop_box(int page) const {
  constexpr int kDeepestTree = 64;
  if (page < 0 || page >= page_count_) return false;
  const QpdfFile& qpdf = file_->qpdf;
  qpdf_oh node = qpdf_get_page_n(qpdf, static_cast<std::size_t>(page));
  bool found = false;
  for (int depth = 0; !found && depth < kDeepestTree && qpdf.is_dictionary(node); ++depth) {
    found = qpdf_oh_is_array(qpdf, qpdf.get(node, "/CropBox")) != QPDF_FALSE;
    node = qpdf.get(node, "/Parent");
  }
  qpdf_oh_release_all(qpdf);
  return found;
}

}  // namespace oko::document
