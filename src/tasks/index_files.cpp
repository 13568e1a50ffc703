#include "tasks/index_files.h"

#include <exception>
#include <utility>

#include "tasks/document_queue.h"
#include "tasks/index_clock.h"
#include "tasks/index_plan.h"
#include "tasks/index_writer.h"
#include "tasks/passages.h"

namespace oko::tasks {
namespace {

/// Takes the documents that the other thread reads, until there are no more.
void write_all(DocumentQueue& queue, IndexWriter& writer, const StopToken& stop) {
  try {
    const auto on_news = [&] { writer.report_progress(); };
    while (std::optional<ReadDocument> read = queue.pop(stop, on_news)) {
      writer.add(*std::move(read));
    }
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kCancelled) writer.commit_whole_documents();
    throw;
  }
}

/// Reads files into the queue, and tells the clock how long that takes.
void read_all(const std::vector<std::string>& files, ReadDocumentsOptions options,
              const text::CountTokens& count, const FindSame& find_same, IndexClock& clock,
              DocumentQueue& queue, const StopToken& stop) {
  options.on_page = [&](const std::string& file, std::size_t pages, std::size_t passages) {
    clock.read_page(file, pages, passages);
    queue.announce();
  };
  // Not before the one before is in work: then two long texts are in memory, not three.
  options.before_text = [&] {
    if (queue.wait_for_room(stop)) clock.begin_to_read();
  };
  const auto sink = [&](ReadDocument read) {
    clock.read_file(read);
    queue.push(std::move(read), stop);
    clock.begin_to_read();
  };
  clock.begin_to_read();
  read_documents(files, options, count, find_same, sink, stop);
}

/// Reads files on a thread of its own and writes them on this one.
void read_and_write(const std::vector<std::string>& files, const ReadDocumentsOptions& options,
                    const text::CountTokens& count, const FindSame& find_same, IndexWriter& writer,
                    const StopToken& stop) {
  DocumentQueue queue;
  const StopSource ending;  // of the caller, or of an error below
  const StopCallback link(stop, [&] { ending.request_stop(); });
  JoiningThread reader([&, token = ending.get_token()] {
    try {
      read_all(files, options, count, find_same, writer.clock(), queue, token);
      queue.close();
    } catch (...) {
      queue.close(std::current_exception());
    }
  });
  try {
    write_all(queue, writer, stop);
  } catch (...) {
    ending.request_stop();  // the reader may wait for room
    throw;
  }
}

}  // namespace

const char* name_of(FileOutcome outcome) {
  switch (outcome) {
    case FileOutcome::kAdded:
      return "added";
    case FileOutcome::kUpdated:
      return "updated";
    case FileOutcome::kUnchanged:
      return "unchanged";
    case FileOutcome::kMoved:
      return "moved";
    case FileOutcome::kRemoved:
      return "removed";
    case FileOutcome::kFailed:
      return "failed";
    case FileOutcome::kCaptioned:
      return "captioned";
    case FileOutcome::kUncaptioned:
      return "uncaptioned";
  }
  return "";
}

IndexSummary index_files(index::Store& store, engine::Embedder& embedder,
                         const std::vector<std::string>& paths, const IndexOptions& options,
                         const IndexCallbacks& callbacks, const StopToken& stop) {
  IndexSummary summary;
  IndexPlan plan = make_index_plan(store, paths, options, callbacks, summary, stop);
  const text::CountTokens count = token_counter(embedder);
  KnownContents contents(plan);
  const std::vector<std::string> files = plan.to_read;
  IndexWriter writer(store, embedder, plan, callbacks, summary, stop);
  read_and_write(
      files, options.read, count,
      [&](const index::Document& document) { return contents.find(document); }, writer, stop);
  const std::vector<std::string> copies = writer.take_unread_copies();
  if (!copies.empty()) {
    read_and_write(
        copies, options.read, count, [](const index::Document&) { return SameContent{}; }, writer,
        stop);
  }
  writer.finish();
  return summary;
}

}  // namespace oko::tasks
