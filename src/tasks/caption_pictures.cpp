#include "tasks/caption_pictures.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>

#include <algorithm>
#include <set>
#include <utility>

#include "base/input_file.h"
#include "budget/memory_size.h"
#include "budget/tag_bytes.h"
#include "document/pages.h"
#include "engine/stopwatch.h"
#include "tasks/caption.h"
#include "tasks/describe.h"
#include "tasks/index_plan.h"
#include "tasks/index_writer.h"
#include "tasks/time_left.h"

namespace oko::tasks {
namespace {

/// Pages opens its files at once.
constexpr std::size_t kFilesAtOnce = 32;
/// What a stop may lose, and how many the model describes at once.
constexpr std::size_t kCaptionsOfCommit = 8;

bool is_caption(const index::StoredChunk& chunk) {
  return chunk.chunk.origin == index::TextOrigin::kCaption;
}

/// False for a file that has changed or gone since it was read: the next run sees to it.
bool is_as_read(const index::Document& document) {
  struct stat info {};
  if (::stat(document.path.c_str(), &info) != 0) return false;
  const FileIdentity now = identity_of(info);
  return now.size == document.size_bytes && now.modified_ns == document.modified_ns;
}

/// Pages of a PDF that are described: each takes as long as a picture.
constexpr std::size_t kPagesOfFile = 32;

/// What is to be described.
struct PdfToDescribe {
  index::KnownDocument pdf;
  std::vector<int> pages;  ///< counted from 1
};
struct ToDescribe {
  std::vector<index::KnownDocument> pictures;
  std::vector<PdfToDescribe> pdfs;

  std::size_t size() const {
    std::size_t count = pictures.size();
    for (const PdfToDescribe& each : pdfs) count += each.pages.size();
    return count;
  }
};

/// The key of a note that a model could not describe a picture, or a page of a PDF.
std::string failure_key(const index::Document& document, int page) {
  std::string key = "uncaptioned ";
  for (const std::uint8_t byte : document.hash) key += fmt::format("{:02x}", byte);
  return page > 0 ? fmt::format("{} {}", key, page) : key;
}

/// Pages of a PDF without a text of their own and without a caption.
std::vector<int> pages_without_text(const index::Document& pdf,
                                    const std::vector<index::StoredChunk>& chunks) {
  std::set<int> with_text, with_caption;
  for (const index::StoredChunk& stored : chunks) {
    if (stored.chunk.origin == index::TextOrigin::kFile) with_text.insert(stored.chunk.page);
    if (is_caption(stored)) with_caption.insert(stored.chunk.page);
  }
  std::vector<int> pages;
  std::size_t count = 0;
  for (int page = 1; page <= pdf.pages && count < kPagesOfFile; ++page) {
    if (with_text.contains(page)) continue;
    ++count;
    if (!with_caption.contains(page)) pages.push_back(page);
  }
  return pages;
}

/// Finds the pictures, and pages of PDF, without a caption, of each content one.
class Finder {
 public:
  Finder(index::Store& store, const CaptionOptions& options, IndexSummary& summary)
      : store_(store), options_(options), summary_(summary) {}

  void add(index::KnownDocument known) {
    const index::Document& document = known.document;
    const bool has_pictures = document.kind != index::DocumentKind::kText;
    if (!has_pictures || !document.error.empty()) return;
    if (done_.contains(known.id) || !is_as_read(document)) return;
    const std::vector<index::StoredChunk> chunks = store_.chunks_of(known.id);
    std::vector<int> pages;
    if (document.kind == index::DocumentKind::kPdf) {
      pages = pages_without_text(document, chunks);
    } else if (std::none_of(chunks.begin(), chunks.end(), is_caption)) {
      pages.push_back(0);
    }
    std::erase_if(pages, [&](int page) { return has_failed(document, page); });
    if (pages.empty()) return;
    for (const index::KnownDocument& copy : store_.copies(known.id)) done_.insert(copy.id);
    if (document.kind == index::DocumentKind::kPdf) {
      found.pdfs.push_back({std::move(known), std::move(pages)});
    } else {
      found.pictures.push_back(std::move(known));
    }
  }

  ToDescribe found;

 private:
  bool has_failed(const index::Document& document, int page) {
    const bool is_known = !options_.model.empty() && !options_.retries_failed &&
                          store_.note(failure_key(document, page)) == options_.model;
    summary_.uncaptioned_before += is_known;
    return is_known;
  }

  index::Store& store_;
  const CaptionOptions& options_;
  IndexSummary& summary_;
  std::set<index::DocumentId> done_;
};

ToDescribe find_to_describe(index::Store& store, const std::vector<std::string>& paths,
                            const CaptionOptions& options, IndexSummary& summary,
                            const StopToken& stop) {
  Finder finder(store, options, summary);
  for (index::KnownDocument& known : documents_below(store, paths)) {
    throw_if_stopped(stop);
    finder.add(std::move(known));
  }
  return std::move(finder.found);
}

DescribeOptions question_of(const CaptionOptions& options) {
  DescribeOptions question;
  question.prompt = caption_question(options.language);
  question.language = options.language;
  question.read_text = ReadText::kNever;  // the library has it
  question.max_tokens = options.max_tokens;
  return question;
}

std::vector<std::string> paths_of(std::span<const index::KnownDocument> pictures) {
  std::vector<std::string> paths;
  for (const index::KnownDocument& each : pictures) paths.push_back(each.document.path);
  return paths;
}

/// A description of a page, counted from 1; of a picture 1, too.
struct PageCaption {
  int page = 1;
  std::string text;
};

/// The passages that the library has of a document, and captions.
ReadDocument with_captions(index::Store& store, const index::KnownDocument& known,
                           std::vector<PageCaption> captions) {
  ReadDocument read{.document = known.document, .passages = {}};
  read.captions = captions.size();
  for (const index::KnownDocument& copy : store.copies(known.id)) {
    read.sharers.push_back(copy.document);
  }
  for (index::StoredChunk& stored : store.chunks_of(known.id)) {
    if (!stored.chunk.text.empty()) read.passages.push_back(std::move(stored.chunk));
  }
  for (PageCaption& caption : captions) {
    index::Chunk& passage = read.passages.emplace_back();
    passage.text = std::move(caption.text);
    passage.origin = index::TextOrigin::kCaption;
    passage.page = known.document.pages > 0 ? caption.page : 0;
  }
  return read;
}

/// Describes pictures, and writes what the model says.
class Captioner {
 public:
  Captioner(index::Store& store, IndexWriter& writer, engine::ModelHost& host,
            engine::Generator& generator, const CaptionOptions& options, const StopToken& stop)
      : store_(store),
        writer_(writer),
        host_(host),
        generator_(generator),
        question_(question_of(options)),
        model_(options.model),
        decoder_(options.decoder),
        stop_(stop) {}

  /// Calls `on_done` after each.
  void describe(std::span<const index::KnownDocument> pictures,
                const std::function<void()>& on_done) {
    document::PagesOptions options;
    options.decoder = decoder_;
    options.first_of_pictures = true;
    document::Pages pages(paths_of(pictures), options);
    Describer describer(host_, generator_, question_, pages, stop_);
    for (std::size_t i = 0; i < pages.size(); ++i) {
      describe_next(describer, pictures[pages.file_number(i)], !pages.is_of_pdf(i));
      const bool is_last =
          i + 1 == pages.size() || pages.file_number(i + 1) != pages.file_number(i);
      if (is_last) on_done();
    }
  }

  /// Calls `on_done` after each page. What is described is written every few pages.
  void describe(const PdfToDescribe& work, const std::function<void()>& on_done) {
    document::PagesOptions options;
    options.decoder = decoder_;
    const std::string numbers = fmt::format("{}", fmt::join(work.pages, ","));
    options.selection = document::PageSelection::parse(numbers, "pages");
    document::Pages pages({work.pdf.document.path}, options);
    Describer describer(host_, generator_, question_, pages, stop_);
    std::vector<PageCaption> captions;
    for (std::size_t i = 0; i < pages.size(); ++i) {
      const int page = pages.page_in_file(i) + 1;
      try {
        captions.push_back({page, next_caption(describer, pages.name(i))});
      } catch (const Error& error) {
        report(work.pdf.document, page, error);
      }
      if (captions.size() == kCaptionsOfCommit || i + 1 == pages.size()) {
        write(work.pdf, std::exchange(captions, {}));
        flush();
      }
      on_done();
    }
  }

  void flush() {
    writer_.flush();
    unwritten_ = 0;
  }

 private:
  /// Throws kBadInput, with `name`, if the model says nothing.
  std::string next_caption(Describer& describer, const LocalizedText& name) {
    Description description = describer.next();
    while (const auto update = description.answer.next(stop_)) {
      if (update->is_finished) break;
    }
    throw_if_stopped(stop_);
    const Caption caption = caption_of(description.answer.wait().text);
    if (caption.description.empty() && caption.keywords.empty()) {
      throw Error(ErrorCode::kBadInput, tr("{}: the model says nothing about it",
                                           "{}: модель ничего не говорит о ней", name));
    }
    return text_of(caption);
  }

  /// In a handler of `error`. `page`: 0 of a picture.
  void report(const index::Document& document, int page, const Error& error) {
    if (!is_of_input(error.code())) throw;
    if (!model_.empty() && is_as_read(document)) {
      store_.set_note(failure_key(document, page), model_);
    }
    writer_.report_uncaptioned(document.path, error);
  }

  void write(const index::KnownDocument& known, std::vector<PageCaption> captions) {
    const bool has_changed = !is_as_read(known.document);
    if (!captions.empty() && !has_changed) {
      writer_.add(with_captions(store_, known, std::move(captions)));
    }
  }

  /// `is_picture`: false for a page of what has become a PDF since it was read.
  void describe_next(Describer& describer, const index::KnownDocument& picture, bool is_picture) {
    try {
      std::string caption = next_caption(describer, picture.document.path);
      if (is_picture) write(picture, {{1, std::move(caption)}});
    } catch (const Error& error) {
      report(picture.document, 0, error);
    }
    if (++unwritten_ >= kCaptionsOfCommit) flush();
  }

  static std::string text_of(const Caption& caption) {
    std::string text = caption.description;
    if (caption.keywords.empty()) return text;
    if (!text.empty()) text += '\n';
    text += language_of_text(text) == Language::kRussian ? "Ключевые слова:" : "Keywords:";
    for (const std::string& keyword : caption.keywords) {
      text += (keyword == caption.keywords.front() ? " " : ", ") + keyword;
    }
    return text;
  }

  index::Store& store_;
  IndexWriter& writer_;
  engine::ModelHost& host_;
  engine::Generator& generator_;
  DescribeOptions question_;
  const std::string& model_;
  std::shared_ptr<document::PageDecoder> decoder_;
  StopToken stop_;
  std::size_t unwritten_ = 0;
};

}  // namespace

void require_room_for_captions(const engine::ModelHost& host, const engine::Generator& generator,
                               const CaptionOptions& options) {
  constexpr int kSide = 1000;  // Describer shrinks a picture down to this
  engine::GenerationRequest request;
  request.messages.push_back(
      {text::Role::kUser,
       {text::Part::make_image(), text::Part::make_text(caption_question(options.language))}});
  request.max_tokens = options.max_tokens;
  const std::uint64_t least = host.memory_budget().held()[budget::Tag::kRuntime] +
                              generator.least_bytes(request, {{kSide, kSide}});
  if (least <= host.budget_bytes()) return;
  throw budget::OverBudget(
      least, host.budget_bytes(),
      tr("raise {} or choose a smaller model: {}", "увеличьте {} или возьмите модель поменьше: {}",
         Knob{"budget"}, Knob{"caption_model"}));
}

void caption_pictures(index::Store& store, engine::Embedder& embedder, engine::ModelHost& host,
                      engine::Generator& generator, const std::vector<std::string>& paths,
                      const CaptionOptions& options, const IndexCallbacks& callbacks,
                      const std::function<void(const CaptionProgress&)>& on_progress,
                      IndexSummary& summary, const StopToken& stop) {
  const ToDescribe work = find_to_describe(store, paths, options, summary, stop);
  const std::span pictures = work.pictures;
  IndexPlan plan;
  IndexWriter writer(store, embedder, plan, callbacks, summary, stop);
  Captioner captioner(store, writer, host, generator, options, stop);
  CaptionProgress progress{.done = 0, .pictures = work.size()};
  const engine::Stopwatch watch;
  double last = 0;
  TimeLeft left(std::vector<FileToRead>(work.size(), {index::DocumentKind::kPicture}));
  const auto on_done = [&] {
    const double now = watch.seconds();
    left.read_file(progress.done, 0, now - std::exchange(last, now));
    ++progress.done;
    progress.seconds_left = left.seconds(now);
    if (on_progress) on_progress(progress);
  };
  if (on_progress && work.size() > 0) on_progress(progress);
  for (std::size_t at = 0; at < pictures.size(); at += kFilesAtOnce) {
    captioner.describe(pictures.subspan(at, std::min(kFilesAtOnce, pictures.size() - at)), on_done);
  }
  for (const PdfToDescribe& each : work.pdfs) captioner.describe(each, on_done);
  captioner.flush();
}

}  // namespace oko::tasks
