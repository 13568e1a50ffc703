#include "document/pdf_structure.h"

#include <fmt/format.h>

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

constexpr std::size_t kMostKept = 32U << 20;          // bytes of the content of a page
constexpr std::size_t kLongestPageBytes = 64U << 10;  // of its dictionary

struct FreeBytes {
  void operator()(unsigned char* bytes) const { std::free(bytes); }
};

/// Puts "[9 0]" in place of each reference "9 0 R": qpdf_oh_parse refuses references.
std::string without_references(std::string_view source) {
  const auto run = [&](std::size_t end, std::string_view characters) {
    return source.substr(0, end).find_last_not_of(characters) + 1;
  };
  constexpr std::string_view kSpaces = " \t\r\n\f", kDigits = "0123456789";
  std::string result;
  std::size_t done = 0;
  for (std::size_t at = 0; (at = source.find('R', at)) != std::string_view::npos; ++at) {
    const std::size_t generation_end = run(at, kSpaces), generation = run(generation_end, kDigits);
    const std::size_t number_end = run(generation, kSpaces), number = run(number_end, kDigits);
    if (number < number_end && number_end < generation && generation < generation_end &&
        generation_end < at) {
      result.append(source.substr(done, number - done)) += '[';
      result.append(source.substr(number, at - number)) += ']';
      done = at + 1;
    }
  }
  return result.append(source.substr(done));
}

}  // namespace

struct PdfStructure::File {
  /// The state of a part of the content of a page.
  enum class Part { kKnown, kUnknown, kDamaged };

  /// The filters of a stream in the order of their use; nothing if they are not names.
  std::optional<std::vector<std::string>> filters_of(qpdf_oh dictionary) {
    const qpdf_oh filter = qpdf.get(dictionary, "/Filter");
    const bool is_array = qpdf.is_array(filter);
    std::vector<std::string> filters;
    if (is_null(filter)) return filters;
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
    if (!qpdf.is_stream(stream)) return is_null(stream) ? Part::kDamaged : Part::kKnown;
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
      const bool is_predicted = !is_null(qpdf.get(dictionary, "/DecodeParms"));
      if (is_predicted) return Part::kUnknown;
    }
    content.append(*data, 0, kMostKept + 1) += '\n';
    return content.size() > kMostKept ? Part::kUnknown : Part::kKnown;
  }

  bool is_null(qpdf_oh object) { return qpdf_oh_is_null(qpdf, object) != QPDF_FALSE; }

  /// Reads a reference that `without_references` has changed.
  qpdf_oh object_at(qpdf_oh reference) {
    const bool is_pair =
        qpdf.is_array(reference) && qpdf_oh_get_array_n_items(qpdf, reference) == 2;
    int numbers[2]{};
    for (int i = 0; i < 2 && is_pair; ++i) {
      const qpdf_oh number = qpdf_oh_get_array_item(qpdf, reference, i);
      if (qpdf_oh_get_value_as_int(qpdf, number, &numbers[i]) == QPDF_FALSE) return 0;
    }
    return numbers[0] > 0 ? qpdf_get_object_by_id(qpdf, numbers[0], numbers[1]) : 0;
  }

  /// True if `source`, a part of the file, is the page, and its content is not in the file.
  bool lacks_content(std::string_view source, qpdf_oh page) {
    const qpdf_oh copy = qpdf_oh_parse(qpdf, without_references(source).c_str());
    if (qpdf_has_error(qpdf) != QPDF_FALSE) qpdf_get_error(qpdf);
    if (!qpdf.is_dictionary(copy)) return false;
    const qpdf_oh parent = object_at(qpdf.get(copy, "/Parent"));
    const qpdf_oh content = object_at(qpdf.get(copy, "/Contents"));
    return parent != 0 && content != 0 && is_null(content) &&
           qpdf_oh_get_object_id(qpdf, parent) ==
               qpdf_oh_get_object_id(qpdf, qpdf.get(page, "/Parent"));
  }

  /// True if a page without content names one that is not in the file. qpdf 12 reads a reference to
  /// an object that does not exist as no entry at all: only the bytes of the file have it.
  bool names_missing_content(qpdf_oh page) {
    const std::string_view file = qpdf.bytes();
    const std::string head = fmt::format("{} {} obj", qpdf_oh_get_object_id(qpdf, page),
                                         qpdf_oh_get_generation(qpdf, page));
    for (std::size_t at = 0; (at = file.find(head, at)) != std::string_view::npos;) {
      const bool is_tail = at > 0 && file[at - 1] >= '0' && file[at - 1] <= '9';
      at += head.size();
      if (is_tail) continue;
      const std::string_view rest = file.substr(at, kLongestPageBytes);
      const std::string_view source = rest.substr(0, rest.find("endobj"));
      if (lacks_content(source, page)) return true;
      at += source.size();
    }
    return false;
  }

  ContentEnd content_end(qpdf_oh page) {
    const qpdf_oh contents = qpdf.get(page, "/Contents");
    if (is_null(contents)) {
      const bool is_missing =
          qpdf_oh_is_indirect(qpdf, contents) != QPDF_FALSE || names_missing_content(page);
      return is_missing ? ContentEnd::kBroken : ContentEnd::kWhole;
    }
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
    numbers.erase(0);  // an object that the array itself holds, or one that is missing
    return numbers;
  }

  QpdfFile qpdf;
  int last_page = -1;  ///< the one used last
  ContentEnd last_end = ContentEnd::kWhole;
};

PdfStructure::PdfStructure(std::shared_ptr<const InputMapping> file, const std::string& password)
    : file_(new File) {
  if (file_->qpdf.open(std::move(file), password)) page_count_ = file_->qpdf.page_count();
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
    file_->last_end = file_->content_end(object);
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
