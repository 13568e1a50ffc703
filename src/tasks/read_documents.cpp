#include "tasks/read_documents.h"

#include <xxhash.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <memory>
#include <new>
#include <span>
#include <utility>

#include "base/input_file.h"
#include "base/localized_text.h"
#include "base/lower_case.h"
#include "budget/memory_size.h"
#include "document/text_document.h"
#include "document/zip_directory.h"
#include "engine/plan.h"
#include "image/picture_file.h"
#include "image/sniff.h"
#include "tasks/shared_reader.h"

namespace oko::tasks {
namespace {

constexpr std::size_t kHashBytes = 1 << 20;  // read at once
constexpr std::size_t kHeadBytes = 1024;     // tell the kind of a file
constexpr std::int64_t kNanoseconds = 1'000'000'000;
/// A PageReader opens its files at once. A decoder may have one process a file.
constexpr std::size_t kFilesOfReader = 32, kFilesOfDecoder = 1;

bool is_pdf(std::string_view head) {
  return head.find("%PDF-") != std::string_view::npos;
}

std::optional<index::DocumentKind> kind_of(const std::string& path, std::string_view head) {
  if (is_pdf(head)) return index::DocumentKind::kPdf;
  if (image::sniff(std::as_bytes(std::span(head)))) return index::DocumentKind::kPicture;
  if (document::text_kind_of(path, head)) return index::DocumentKind::kText;
  return std::nullopt;
}

/// Of a file that oko cannot read as what it is.
Error not_a_document(const std::string& path, std::string_view head) {
  const LocalizedText what = image::describe_head(std::as_bytes(std::span(head)));
  const auto promised = promised_kind_of(path);
  if (!promised) {
    return {ErrorCode::kUnsupported, tr("{}: oko reads no such files: it looks like {}",
                                        "{}: oko не читает такие файлы: похоже на {}", path, what)};
  }
  if (head.empty()) {
    return {ErrorCode::kBadInput, tr("{}: the file is empty", "{}: файл пуст", path)};
  }
  return {ErrorCode::kBadInput,
          tr("{}: is not {}, as its name says: it looks like {}",
             "{}: это не {}, как следует из имени, а похоже на {}", path, promised->name, what),
          tr("the file is damaged, or its name is wrong", "файл повреждён, или имя неверно")};
}

index::ContentHash content_hash(const InputFile& file, const StopToken& stop) {
  struct Free {
    void operator()(XXH3_state_t* state) const { ::XXH3_freeState(state); }
  };
  const std::unique_ptr<XXH3_state_t, Free> state(::XXH3_createState());
  if (!state) throw std::bad_alloc();
  ::XXH3_128bits_reset(state.get());
  for (std::uint64_t at = 0;;) {
    throw_if_stopped(stop);
    const std::string part = file.part(at, kHashBytes);
    if (part.empty()) break;
    ::XXH3_128bits_update(state.get(), part.data(), part.size());
    at += part.size();
  }
  XXH128_canonical_t canonical;
  ::XXH128_canonicalFromHash(&canonical, ::XXH3_128bits_digest(state.get()));
  index::ContentHash hash;
  std::copy(std::begin(canonical.digest), std::end(canonical.digest), hash.begin());
  return hash;
}

index::Document document_at(const std::string& file, index::DocumentKind kind,
                            const FileIdentity& identity) {
  index::Document document;
  document.path = file;
  document.kind = kind;
  document.size_bytes = identity.size;
  document.modified_ns = identity.modified_ns;
  document.date = identity.modified_ns / kNanoseconds;
  return document;
}

/// A document that is being read. It is open, so that a change of the file is seen.
struct Opened {
  ReadDocument read;
  std::unique_ptr<InputFile> file;
  std::string head;
  bool read_any = false;  ///< a page
};

/// Opens a file and hashes it. An error of the file is in the result.
Opened open(const std::string& path, const StopToken& stop) {
  Opened opened;
  ReadDocument& read = opened.read;
  const index::DocumentKind promised = promised_kind_of(path).value_or(PromisedKind{}).kind;
  read.document = document_at(path, promised, {});
  try {
    opened.file = std::make_unique<InputFile>(path, ErrorCode::kBadInput);
    read.document = document_at(path, promised, opened.file->identity());
    opened.head = opened.file->part(0, kHeadBytes);
    const std::optional<index::DocumentKind> kind = kind_of(path, opened.head);
    if (!kind) {
      read.error = not_a_document(path, opened.head);
      return opened;
    }
    read.document = document_at(path, *kind, opened.file->identity());
    read.document.hash = content_hash(*opened.file, stop);
  } catch (const Error& error) {
    if (!is_of_input(error.code())) throw;
    read.error = error;
    read.may_pass = true;  // the system refuses it
  }
  return opened;
}

void finish(Opened& opened, const DocumentSink& sink) {
  ReadDocument& read = opened.read;
  try {
    if (opened.file) opened.file->require_unchanged();
  } catch (const Error& error) {
    read.may_pass = true;
    read.error = error;
  }
  if (read.error) read.passages.clear();
  opened.file.reset();
  sink(std::move(read));
}

/// Throws kOverBudget. The bytes, the text and its passages are in memory, and the passages of the
/// file before. The program's own share has room for small ones.
std::optional<budget::Reservation> room_for_text(const InputFile& file, document::TextKind kind,
                                                 const ReadPagesOptions& options,
                                                 const StopToken& stop) {
  constexpr std::uint64_t kSmall = 1'000'000;
  std::uint64_t bytes = file.size();
  if (kind == document::TextKind::kDocx) {
    const std::uint64_t unpacked = document::unpacked_bytes(file);
    bytes = std::max(bytes, std::min(unpacked, document::TextLimits{}.max_text_bytes));
  }
  if (bytes <= kSmall) return std::nullopt;
  // A decoder in another process has a copy while this one gets it.
  const std::uint64_t copies = options.decoder ? 6 : 4;
  if (options.reader != nullptr) {
    return options.reader->reserve_for_text(copies * bytes, stop);
  }
  const std::uint64_t least = engine::runtime_bytes(false) + copies * bytes + options.beside_bytes;
  if (least <= options.budget_bytes) return std::nullopt;
  const budget::OverBudget error(least, options.budget_bytes);
  throw Error(error.code(), format_text("{}: {}", file.path().string(), error.message()),
              error.hint());
}

void read_text(Opened& opened, const ReadDocumentsOptions& options, const text::CountTokens& count,
               const StopToken& stop) {
  ReadDocument& read = opened.read;
  try {
    const document::TextKind kind = document::text_kind_of(read.document.path, opened.head)
                                        .value_or(document::TextKind::kPlain);
    const auto memory = room_for_text(*opened.file, kind, options.pages, stop);
    document::PageDecoder* decoder = options.pages.decoder.get();
    document::TextDocument text = decoder != nullptr
                                      ? decoder->read_text_document(*opened.file, kind)
                                      : document::read_text_document(*opened.file, kind);
    read.document.title = text.title;
    if (text.date) read.document.date = text.date->time_since_epoch().count();
    read.notes = text.notes;
    const auto count_until_stop = [&](std::string_view part) {  // a text may be large
      throw_if_stopped(stop);
      return count(part);
    };
    read.passages = passages_of(std::move(text), options.passages, count_until_stop);
  } catch (const Error& error) {
    if (!is_of_input(error.code()) && error.code() != ErrorCode::kOverBudget) throw;
    read.error = error;
  }
}

/// The date of a picture is that of the camera, if the file has it. `decoder`: null: this process.
void set_date_taken(const InputFile& file, document::PageDecoder* decoder,
                    index::Document& document) {
  if (document.kind != index::DocumentKind::kPicture) return;
  try {
    const auto taken = decoder != nullptr ? decoder->read_header(file, {}, 0).taken
                                          : image::read_header(file).taken;
    if (taken) document.date = taken->time_since_epoch().count();
  } catch (const Error&) {
    return;  // reading the page tells what is wrong with the file
  }
}

std::vector<std::string> paths_of(const std::vector<Opened>& files) {
  std::vector<std::string> paths;
  paths.reserve(files.size());
  for (const Opened& file : files) paths.push_back(file.read.document.path);
  return paths;
}

/// Reads pictures and PDF. The sink gets each as soon as its pages are read.
void read_pages(std::vector<Opened>& files, const ReadDocumentsOptions& options,
                const text::CountTokens& count, const DocumentSink& sink, const StopToken& stop) {
  for (Opened& opened : files) {
    set_date_taken(*opened.file, options.pages.decoder.get(), opened.read.document);
  }
  ReadPagesOptions to_read = options.pages;
  to_read.takes_password = false;  // one run reads many files
  PageReader reader(paths_of(files), to_read);
  document::Pages& pages = reader.pages();
  const auto add = [&](const ReadPage& page) {
    Opened& opened = files[pages.file_number(page.index)];
    ReadDocument& read = opened.read;
    const int pages_of_file = pages.pages_of_file(page.index);
    const int number = pages.page_in_file(page.index) + 1;
    const std::size_t passages_before = read.passages.size();
    if (page.error) {
      if (pages_of_file > 1) read.notes.push_back(page.error->message());
      // The error of the file, unless another page can be read.
      if (!read.error && !opened.read_any) read.error = page.error;
    } else {
      if (!opened.read_any) read.error.reset();
      opened.read_any = true;
      const bool has_pages = pages_of_file > 1 || pages.is_of_pdf(page.index);
      auto passages = passages_of(page.page, has_pages ? number : 0, options.passages, count);
      std::move(passages.begin(), passages.end(), std::back_inserter(read.passages));
      read.document.pages = has_pages ? pages_of_file : 0;
    }
    if (options.on_page) {
      options.on_page(read.document.path, static_cast<std::size_t>(pages_of_file),
                      read.passages.size() - passages_before);
    }
    if (number == pages_of_file) finish(opened, sink);
  };
  reader.read(add, stop);
}

}  // namespace

std::optional<index::DocumentKind> document_kind_of(const std::string& path) {
  return kind_of(path, InputFile(path, ErrorCode::kBadInput).part(0, kHeadBytes));
}

std::optional<PromisedKind> promised_kind_of(const std::string& path) {
  using index::DocumentKind;
  if (image::is_named_as_picture(path)) {
    return PromisedKind{DocumentKind::kPicture, tr("a picture", "картинка")};
  }
  const std::string ending = lower_case(std::filesystem::path(path).extension().string());
  if (ending == ".pdf") {
    return PromisedKind{DocumentKind::kPdf, tr("a PDF document", "документ PDF")};
  }
  if (ending == ".docx") {
    return PromisedKind{DocumentKind::kText, tr("a DOCX document", "документ DOCX")};
  }
  if (ending == ".eml") return PromisedKind{DocumentKind::kText, tr("an email", "письмо")};
  return std::nullopt;
}

void read_documents(const std::vector<std::string>& files, const ReadDocumentsOptions& options,
                    const text::CountTokens& count, const FindSame& find_same,
                    const DocumentSink& sink, const StopToken& stop) {
  const std::size_t most_at_once = options.pages.decoder ? kFilesOfDecoder : kFilesOfReader;
  std::vector<Opened> with_pages;
  const auto read_with_pages = [&] {
    if (!with_pages.empty()) read_pages(with_pages, options, count, sink, stop);
    with_pages.clear();
  };
  for (const std::string& path : files) {
    throw_if_stopped(stop);
    Opened opened = open(path, stop);
    ReadDocument& read = opened.read;
    if (!read.error) read.same = find_same(read.document);
    const bool is_wanted = !read.error && !read.same.is_known();
    if (is_wanted && read.document.kind != index::DocumentKind::kText) {
      with_pages.push_back(std::move(opened));
      if (with_pages.size() == most_at_once) read_with_pages();
      continue;
    }
    if (is_wanted && options.before_text) options.before_text();
    if (is_wanted) read_text(opened, options, count, stop);
    finish(opened, sink);
  }
  read_with_pages();
}

}  // namespace oko::tasks
