#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/input_file.h"
#include "base/localized_text.h"
#include "base/mutex.h"
#include "budget/tag_bytes.h"
#include "document/loaded_page.h"
#include "document/page_decoder.h"
#include "document/page_selection.h"
#include "document/pdf.h"
#include "document/pdf_page.h"
#include "document/sheet.h"
#include "image/fit.h"

namespace oko::document {

struct PagesOptions {
  /// Reads the pictures of pages of a PDF even if the file has their text.
  bool ignores_text = false;
  PdfOptions pdf = {};
  /// Leaves out other pages. A file that has not all of them is one page, and loading it throws.
  PageSelection selection = {};
  bool first_of_pictures = false;  ///< without `selection`: page 1 alone of files that are no PDF
  /// Memory to read a picture, in bytes, the picture included; null: pictures are not read.
  std::uint64_t (*reading_bytes)(int width, int height) = nullptr;
  /// Memory to decode a picture and read it; a larger one is shrunk, down to 1 megapixel.
  std::uint64_t picture_bytes = UINT64_MAX;
  /// Decodes all files; null: this process does. Makes no sheets.
  std::shared_ptr<PageDecoder> decoder = nullptr;
};

/// The pages of files one after another: pictures, TIFF files of several pages, PDF.
class Pages {
 public:
  /// Files that stay open at once; fewer where the process may not open many.
  static constexpr std::size_t kMostOpen = 64;

  /// Counts the pages. A file that cannot be opened counts as one page, and loading it throws.
  explicit Pages(std::vector<std::string> files, const PagesOptions& options = {});

  std::size_t size() const { return pages_.size(); }
  const std::string& file(std::size_t i) const { return files_[pages_[i].file].path; }
  std::size_t file_number(std::size_t i) const { return pages_[i].file; }
  const std::string& file_path(std::size_t number) const { return files_[number].path; }
  bool is_of_pdf(std::size_t i) const { return files_[pages_[i].file].is_pdf; }
  /// The open file of a number. Opens each once, unless there are too many: then a file
  /// that is opened again must not have changed. Throws as InputFile does with kBadInput.
  /// Thread-safe.
  std::shared_ptr<const InputFile> source(std::size_t number);

  /// "FILE", or "FILE, page 2", for messages.
  LocalizedText name(std::size_t i) const;
  const std::string& password() const { return options_.pdf.password; }
  /// False if page `i` stands for a file that has no such page or cannot be read.
  bool has_pages(std::size_t i) const {
    const File& file = files_[pages_[i].file];
    return !file.error && !file.is_broken;
  }
  int page_in_file(std::size_t i) const { return pages_[i].page; }  ///< counted from 0
  int pages_of_file(std::size_t i) const { return files_[pages_[i].file].pages; }

  /// Page `i` for `ocr::read_pages`: its picture, or its text if a PDF has that. Several threads
  /// may load at once, best in order. `sheet`: if not null, gets the ground of its text in a PDF.
  /// Throws as image::load and Pdf do.
  LoadedPage load(std::size_t i, Sheet* sheet);

  /// A page to be shown to a model. `text`: of a PDF, what `load` gives; else it is to be read.
  struct Shown {
    image::Image image;
    std::optional<LoadedPage> text;
    LocalizedText reduction;  ///< a note: the picture is smaller than usual; empty: it is not
  };
  /// The size of page `i` as a picture, at which `bytes_of` its header is `bytes` or less, but not
  /// below 1 megapixel. Throws as image::fit and Pdf do.
  image::Fitted fit(std::size_t i, std::uint64_t bytes,
                    const std::function<std::uint64_t(const image::Header&)>& bytes_of);
  /// Throws as `load` does.
  Shown show(std::size_t i, const image::Fitted& size);

  /// A note for the user, after `load`: the picture of page `i` has a lower resolution because it
  /// would be too large; empty if it has not. Throws as `load` does.
  LocalizedText reduction(std::size_t i);

  /// An empty page of the size of page `i`, or of A4 if that is not known.
  Sheet blank(std::size_t i);

  /// The larger of the memory to load page `i` and the memory to read its text: one follows the
  /// other. A page of a PDF counts as if it had to be read. Throws as `load` does.
  budget::TagBytes memory_of(std::size_t i);

 private:
  struct File {
    std::string path;
    int pages = 1;
    bool is_pdf = false;
    bool is_broken = false;                        ///< its pages cannot be counted
    std::optional<Error> error = {};               ///< of opening it
    std::shared_ptr<const InputFile> source = {};  ///< while it is open
    FileIdentity identity = {};                    ///< when it was opened first
  };
  struct Place {
    std::size_t file = 0;
    int page = 0;
    std::optional<image::Fitted> size = {};  ///< of a picture, once it is needed
    LocalizedText reduction = {};
  };

  void count_pages(File& file) const;
  void add_pages(std::size_t number);
  std::uint64_t reading_bytes(int width, int height) const;
  /// The size of a page of a PDF.
  PageSize size_of(const Place& place);
  PdfPage open_page(const Pdf& pdf, int page, Sheet* sheet) const;
  image::Header header_of(const InputFile& file, const image::Limits& limits, int page) const;
  image::Image load_picture(const InputFile& file, const image::Limits& limits, int page) const;
  image::Fitted fit_picture(
      const InputFile& file, const Place& place, std::uint64_t bytes,
      const std::function<std::uint64_t(const image::Header&)>& bytes_of) const;
  std::uint64_t bytes_elsewhere(std::uint64_t pixels) const;  ///< as PageDecoder has it
  /// The size of a page that is a picture. Reads its header once.
  const image::Fitted& fitted(Place& place);
  LoadedPage load_page(std::size_t i, Sheet* sheet);
  LoadedPage load_from_pdf(const Place& place, Sheet* sheet);
  LoadedPage load_opened(PdfPage opened, bool adds) const;
  /// Calls `use` with the open file and returns its result. The file stays open for the next use,
  /// even after an error of a page.
  template <typename Use>
  auto with_pdf(std::size_t file, const Use& use);
  std::unique_ptr<Pdf> take(std::size_t file);
  void give_back(std::size_t file, std::unique_ptr<Pdf> pdf);

  PagesOptions options_;
  std::vector<File> files_;
  std::vector<Place> pages_;
  Mutex sources_mutex_;
  /// Files that are open, the one used last at the end.
  std::size_t most_open_;
  std::vector<std::size_t> open_ OKO_GUARDED_BY(sources_mutex_);
  Mutex mutex_;
  /// Open documents that no thread uses now, with their files: parsed once a thread, not once a
  /// page.
  std::vector<std::pair<std::size_t, std::unique_ptr<Pdf>>> idle_ OKO_GUARDED_BY(mutex_);
  std::set<std::size_t> lent_ OKO_GUARDED_BY(mutex_);  ///< files of many pages, in use
  ConditionVariable given_back_;
};

}  // namespace oko::document
