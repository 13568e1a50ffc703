#include "tasks/index_writer.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "base/error.h"

namespace oko::tasks {
namespace {

/// Passages that are embedded and stored at once: with ColBERT's vectors some 1 MB each.
constexpr std::size_t kPassagesAtOnce = kMostPassages / 2;
/// What a kill may lose.
constexpr std::size_t kPassagesOfCommit = 512;
constexpr std::chrono::seconds kTimeOfCommit{5};
/// OpenSearch names those of the last commit in each query.
constexpr std::size_t kRemovalsOfCommit = 2'000;

std::string name_text(const index::Document& document) {
  constexpr std::size_t kMostBytes = 256;  // no more tokens than a passage
  return document.title.empty() ? std::filesystem::path(document.path).stem().string()
                                : document.title.substr(0, kMostBytes);
}

/// What the model reads for passages of a document: a picture without text is found by its name.
std::vector<std::string> texts_of(const ReadDocument& read,
                                  std::span<const index::Chunk> passages) {
  std::vector<std::string> texts;
  for (const index::Chunk& passage : passages) {
    texts.push_back(passage.text.empty() ? name_text(read.document) : passage.text);
  }
  return texts;
}

/// What the content of a document says stays; what the file system says is new.
index::Document merged(const index::Document& known, const index::Document& file) {
  index::Document document = known;
  document.path = file.path;
  document.size_bytes = file.size_bytes;
  document.modified_ns = file.modified_ns;
  const bool content_has_none = known.date == known.modified_ns / 1'000'000'000;
  if (content_has_none) document.date = file.date;
  return document;
}

}  // namespace

IndexWriter::IndexWriter(index::Store& store, engine::Embedder& embedder, IndexPlan& plan,
                         const IndexCallbacks& callbacks, IndexSummary& summary,
                         const StopToken& stop)
    : store_(store),
      encoder_(embedder, store.model()),
      plan_(plan),
      callbacks_(callbacks),
      summary_(summary),
      stop_(stop),
      progress_{.files = plan.to_read.size(), .bytes = plan.bytes},
      clock_(plan),
      committed_(std::chrono::steady_clock::now()) {}

void IndexWriter::add(ReadDocument read) {
  clock_.begin_to_write();
  if (read.same.is_known() && !read.same.is_copy) {
    add_same(read);
  } else if (read.error) {
    add_failed(std::move(read));
  } else if (read.same.is_copy) {
    if (!add_copy(read)) copies_.push_back(std::move(read));
  } else {
    if (read.passages.empty()) read.passages.emplace_back();
    waiting_passages_ += read.passages.size();
    waiting_.push_back(std::move(read));
    if (waiting_passages_ >= kPassagesAtOnce) write_waiting();
  }
  commit_if_due();
  clock_.wrote(0);
}

/// A file whose content the store has, at its path or at another.
void IndexWriter::add_same(const ReadDocument& read) {
  const index::DocumentId id = read.same.document;
  const auto known = store_.documents(std::span(&id, 1));
  if (!known.empty()) store_.move(id, merged(known[0].document, read.document));
  IndexedFile file{.path = read.document.path, .outcome = FileOutcome::kUnchanged};
  const auto moved = plan_.missing.find(id);
  if (moved != plan_.missing.end()) {
    file.outcome = FileOutcome::kMoved;
    file.moved_from = moved->second.document.path;
    plan_.missing.erase(moved);
  }
  report(std::move(file));
}

/// One more file with a content that the store has: it is not embedded again. Returns false if the
/// store does not have it, yet or any more.
bool IndexWriter::add_copy(const ReadDocument& read) {
  const auto written = written_.find(read.document.hash);
  const index::DocumentId id = written != written_.end() ? written->second : read.same.document;
  const auto known = store_.documents(std::span(&id, 1));
  if (known.empty() || known[0].document.hash != read.document.hash) return false;
  if (store_.copy(id, merged(known[0].document, read.document)) == 0) return false;
  const bool is_new = !plan_.known.contains(read.document.path);
  report({.path = read.document.path,
          .outcome = is_new ? FileOutcome::kAdded : FileOutcome::kUpdated,
          .copy_of = known[0].document.path});
  return true;
}

std::vector<std::string> IndexWriter::take_unread_copies() {
  write_waiting();
  std::vector<std::string> paths;
  for (const ReadDocument& read : std::exchange(copies_, {})) {
    if (!add_copy(read)) paths.push_back(read.document.path);
  }
  return paths;
}

/// Once all passages of a document are in the store.
void IndexWriter::complete(const ReadDocument& read, index::DocumentId id) {
  written_[read.document.hash] = id;
  for (const index::Document& sharer : read.sharers) store_.copy(id, sharer);
}

void IndexWriter::add_failed(ReadDocument read) {
  // The next run tries again if the error may pass, as a lack of memory may; until then the library
  // keeps what it has of the file.
  if (is_of_input(read.error->code()) && !read.may_pass) {
    read.document.error = read.error->message().in(Language::kEnglish);
    store_.put(read.document, {});
  }
  report({.path = read.document.path,
          .outcome = FileOutcome::kFailed,
          .error = std::move(read.error),
          .notes = std::move(read.notes)});
}

void IndexWriter::write_waiting() {
  const bool is_long = waiting_passages_ > kMostPassages;
  waiting_passages_ = 0;
  std::vector<ReadDocument> documents = std::exchange(waiting_, {});
  if (documents.empty()) return;
  if (!is_long) write_together(documents);
  for (ReadDocument& read : documents) {
    if (is_long) write_long(read);
    report_written(std::move(read));
  }
}

void IndexWriter::report_written(ReadDocument read) {
  uncommitted_passages_ += read.passages.size();
  const bool is_new = !plan_.known.contains(read.document.path);
  report({.path = read.document.path,
          .outcome = read.captions > 0 ? FileOutcome::kCaptioned
                     : is_new          ? FileOutcome::kAdded
                                       : FileOutcome::kUpdated,
          .passages = read.passages.size(),
          .captions = read.captions,
          .notes = std::move(read.notes)});
}

/// Short documents: one request for all.
void IndexWriter::write_together(const std::vector<ReadDocument>& documents) {
  std::vector<index::Chunk> passages;
  std::vector<std::string> texts;
  for (const ReadDocument& read : documents) {
    for (std::string& text : texts_of(read, read.passages)) texts.push_back(std::move(text));
    passages.insert(passages.end(), read.passages.begin(), read.passages.end());
  }
  const std::vector<index::EncodedChunk> all = encoded(passages, texts);
  auto rest = std::span(all);
  for (const ReadDocument& read : documents) {
    complete(read, store_.put(read.document, rest.first(read.passages.size())));
    rest = rest.subspan(read.passages.size());
  }
}

/// A long document in parts, so that the vectors of one part are in memory. What was done before is
/// committed first: if the work is stopped in the middle, the rest of the transaction is undone.
void IndexWriter::write_long(const ReadDocument& read) {
  commit();
  has_part_ = true;
  index::DocumentId id = 0;
  for (std::size_t at = 0; at < read.passages.size(); at += kPassagesAtOnce) {
    const auto part =
        std::span(read.passages).subspan(at, std::min(kPassagesAtOnce, read.passages.size() - at));
    const std::vector<index::EncodedChunk> chunks = encoded(part, texts_of(read, part));
    if (at == 0) {
      id = store_.put(read.document, chunks);
    } else {
      store_.append(id, chunks);
    }
  }
  has_part_ = false;
  complete(read, id);
}

std::vector<index::EncodedChunk> IndexWriter::encoded(std::span<const index::Chunk> passages,
                                                      const std::vector<std::string>& texts) {
  std::vector<models::bge_m3::Encoding> encodings = encoder_.passages(texts, stop_);
  std::vector<index::EncodedChunk> chunks;
  chunks.reserve(passages.size());
  for (std::size_t i = 0; i < passages.size(); ++i) {
    chunks.push_back({passages[i], std::move(encodings[i])});
  }
  clock_.wrote(passages.size());
  report_progress();
  return chunks;
}

void IndexWriter::report(IndexedFile file) {
  count_done(file.path);
  summary_.passages += file.passages;
  switch (file.outcome) {
    case FileOutcome::kAdded:
      ++summary_.added;
      break;
    case FileOutcome::kUpdated:
      ++summary_.updated;
      break;
    case FileOutcome::kUnchanged:
      ++summary_.unchanged;
      break;
    case FileOutcome::kMoved:
      ++summary_.moved;
      break;
    case FileOutcome::kRemoved:
      ++summary_.removed;
      break;
    case FileOutcome::kFailed:
      ++summary_.failed;
      break;
    case FileOutcome::kCaptioned:
      summary_.captioned += file.captions;
      break;
    case FileOutcome::kUncaptioned:
      ++summary_.uncaptioned;
      break;
  }
  uncommitted_.push_back(std::move(file));
}

void IndexWriter::count_done(const std::string& path) {
  const auto number = plan_.number_of.find(path);
  if (number == plan_.number_of.end()) return;
  ++progress_.files_done;
  progress_.bytes_done += plan_.files[number->second].bytes;
  report_progress();
}

void IndexWriter::report_progress() {
  if (!callbacks_.on_progress || progress_.files == 0) return;
  progress_.seconds_left = clock_.seconds_left();
  callbacks_.on_progress(progress_);
}

void IndexWriter::commit_if_due() {
  if (uncommitted_passages_ >= kPassagesOfCommit ||
      std::chrono::steady_clock::now() - committed_ >= kTimeOfCommit) {
    commit();
  }
}

void IndexWriter::commit() {
  store_.commit();
  uncommitted_passages_ = 0;
  committed_ = std::chrono::steady_clock::now();
  for (const IndexedFile& file : std::exchange(uncommitted_, {})) {
    if (callbacks_.on_file && file.outcome != FileOutcome::kUnchanged) callbacks_.on_file(file);
  }
  report_progress();  // what was said of the files has taken its place
}

void IndexWriter::flush() {
  write_waiting();
  commit();
}

void IndexWriter::report_uncaptioned(const std::string& path, const Error& error) {
  report({.path = path, .outcome = FileOutcome::kUncaptioned, .error = error});
}

void IndexWriter::commit_whole_documents() {
  if (!has_part_) commit();
}

void IndexWriter::finish() {
  write_waiting();
  for (const auto& [id, known] : plan_.missing) {
    store_.remove(id);
    report({.path = known.document.path, .outcome = FileOutcome::kRemoved});
    if (uncommitted_.size() >= kRemovalsOfCommit) commit();
  }
  commit();
}

}  // namespace oko::tasks
