#include "tasks/caption_pictures.h"

#include <sys/stat.h>

#include <algorithm>
#include <set>
#include <utility>

#include "base/input_file.h"
#include "budget/memory_size.h"
#include "document/pages.h"
#include "engine/plan.h"
#include "engine/stopwatch.h"
#include "tasks/caption.h"
#include "tasks/describe.h"
#include "tasks/index_plan.h"
#include "tasks/index_writer.h"
#include "tasks/time_left.h"
#include "tensor/device.h"

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

/// The pictures without a caption, of each content one.
std::vector<index::KnownDocument> pictures_to_describe(index::Store& store,
                                                       const std::vector<std::string>& paths,
                                                       const StopToken& stop) {
  std::set<index::DocumentId> done;
  std::vector<index::KnownDocument> pictures;
  for (index::KnownDocument& known : documents_below(store, paths)) {
    throw_if_stopped(stop);
    const index::Document& document = known.document;
    if (document.kind != index::DocumentKind::kPicture || !document.error.empty()) continue;
    if (done.contains(known.id) || !is_as_read(document)) continue;
    const std::vector<index::StoredChunk> chunks = store.chunks_of(known.id);
    if (std::any_of(chunks.begin(), chunks.end(), is_caption)) continue;
    for (const index::KnownDocument& copy : store.copies(known.id)) done.insert(copy.id);
    pictures.push_back(std::move(known));
  }
  return pictures;
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

/// The passages that the library has of a picture, and its caption.
ReadDocument with_caption(index::Store& store, const index::KnownDocument& picture,
                          std::string caption) {
  ReadDocument read{.document = picture.document, .passages = {}};
  read.is_captioned = true;
  for (const index::KnownDocument& copy : store.copies(picture.id)) {
    read.sharers.push_back(copy.document);
  }
  for (index::StoredChunk& stored : store.chunks_of(picture.id)) {
    if (!stored.chunk.text.empty()) read.passages.push_back(std::move(stored.chunk));
  }
  index::Chunk& passage = read.passages.emplace_back();
  passage.text = std::move(caption);
  passage.origin = index::TextOrigin::kCaption;
  passage.page = picture.document.pages > 0 ? 1 : 0;
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
        stop_(stop) {}

  /// Calls `on_done` after each.
  void describe(std::span<const index::KnownDocument> pictures,
                const std::function<void()>& on_done) {
    document::PagesOptions options;
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

  void flush() {
    writer_.flush();
    unwritten_ = 0;
  }

 private:
  /// `is_picture`: false for a page of what has become a PDF since it was read.
  void describe_next(Describer& describer, const index::KnownDocument& picture, bool is_picture) {
    try {
      Description description = describer.next();
      while (const auto update = description.answer.next(stop_)) {
        if (update->is_finished) break;
      }
      throw_if_stopped(stop_);
      const std::string answer = description.answer.wait().text;
      const Caption caption = caption_of(answer);
      if (caption.description.empty() && caption.keywords.empty()) {
        throw Error(ErrorCode::kBadInput,
                    tr("{}: the model says nothing about it", "{}: модель ничего не говорит о ней",
                       picture.document.path));
      }
      if (!is_picture || !is_as_read(picture.document)) return;  // the file has changed meanwhile
      writer_.add(with_caption(store_, picture, text_of(caption)));
    } catch (const Error& error) {
      if (!is_of_input(error.code())) throw;
      writer_.report_uncaptioned(picture.document.path, error);
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
  const std::uint64_t least =
      engine::runtime_bytes(tensor::on_gpu()) + generator.least_bytes(request, {{kSide, kSide}});
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
  const std::vector<index::KnownDocument> pictures = pictures_to_describe(store, paths, stop);
  IndexPlan plan;
  IndexWriter writer(store, embedder, plan, callbacks, summary, stop);
  Captioner captioner(store, writer, host, generator, options, stop);
  CaptionProgress progress{.done = 0, .pictures = pictures.size()};
  const engine::Stopwatch watch;
  double last = 0;
  TimeLeft left(std::vector<FileToRead>(pictures.size(), {index::DocumentKind::kPicture}));
  const auto on_done = [&] {
    const double now = watch.seconds();
    left.read_file(progress.done, 0, now - std::exchange(last, now));
    ++progress.done;
    progress.seconds_left = left.seconds(now);
    if (on_progress) on_progress(progress);
  };
  if (on_progress && !pictures.empty()) on_progress(progress);
  for (std::size_t at = 0; at < pictures.size(); at += kFilesAtOnce) {
    const auto part = std::span(pictures).subspan(at, std::min(kFilesAtOnce, pictures.size() - at));
    captioner.describe(part, on_done);
  }
  captioner.flush();
}

}  // namespace oko::tasks
