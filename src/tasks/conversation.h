#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/localized_text.h"
#include "base/stop_token.h"
#include "document/pages.h"
#include "engine/generator.h"
#include "engine/model_host.h"
#include "tasks/picture.h"
#include "tasks/picture_text.h"

namespace oko::tasks {

struct ConversationOptions {
  std::string system = {};                 ///< instruction before all; empty: none
  Language language = Language::kEnglish;  ///< of the words around the text of a picture
  ReadText read_text = ReadText::kWhereItFits;
  std::optional<std::size_t> ocr_tokens = {};  ///< limit of the text of a picture; none: all
  int max_tokens = 1024;                       ///< of an answer
  int kv_bits = 16;
  bool lookup = false;
  std::int64_t max_pixels = 0;
  float temperature = 0;
  std::uint64_t seed = 0;
};

/// Facts about an added picture, for the user.
struct AddedPicture {
  std::string name;
  int width = 0;                 ///< pixels, as decoded
  int height = 0;                ///< pixels
  int pages = 1;                 ///< of the file; only the first is used
  LocalizedText shrinking = {};  ///< a note that decoding shrank it; empty: it did not
  bool reads_text = false;
  LocalizedText unread = {};  ///< the reason why requested text was not read; empty: it was
};

/// The answer to a question.
struct Answer {
  std::string text;                        ///< as passed to the sink
  std::vector<std::string> pictures;       ///< names of the pictures added for the question
  std::vector<PictureText> picture_texts;  ///< of the pictures whose text was requested
  PictureStats picture_stats;              ///< the sums of all of them
  /// Nothing if the answer was stopped.
  std::optional<engine::GenerationResult> result;
};

/// Questions and answers about pictures; each question is asked with all turns before it. A failed
/// turn is not part of the conversation. No turn is ever left out of a question: a conversation
/// that outgrows the model or the budget is an error. One thread may call.
class Conversation {
 public:
  /// `host` and `generator` must outlive it.
  Conversation(engine::ModelHost& host, engine::Generator& generator, ConversationOptions options);

  /// Decodes a picture and reads its text, for the next question. Throws as `load_picture`.
  AddedPicture add_picture(const std::string& path, const std::string& name, const StopToken& stop);
  /// The same for page `i` of `pages`.
  AddedPicture add_page(document::Pages& pages, std::size_t i, const std::string& name,
                        const StopToken& stop);

  /// Asks, with the pictures that were added since the last question. `stop` ends the answer, and
  /// the partial answer becomes the turn; if it is empty, the question is dropped and its pictures
  /// wait for the next one. Throws as Generator::generate, except kCancelled, and as the sinks;
  /// question and pictures are dropped then.
  Answer ask(const std::string& question, const engine::TextSink& on_text, const StopToken& stop,
             const engine::ProgressSink& on_progress = {});

  /// Forgets all turns and pictures.
  void clear();

  /// Sets when the text of pictures added from now on is read.
  void set_read_text(ReadText when);

  /// True while the text of a picture is read whose adding was stopped: see TextReader.
  bool is_reading() const { return reader_.is_reading(); }

  std::size_t turns() const { return messages_.size() / 2; }
  std::size_t waiting_pictures() const { return waiting_.size(); }
  const ConversationOptions& options() const { return options_; }

 private:
  struct HeldPicture {
    engine::SharedImage image;
    std::unique_ptr<engine::FixedReservation> room;  ///< of `image`
  };
  struct WaitingPicture {
    HeldPicture held;
    std::string name;
    document::Page page;
    ReadText read_text = ReadText::kNever;  ///< when the picture was added
    PictureStats stats;
  };

  engine::GenerationRequest base_request() const;
  engine::GenerationRequest request_for(const std::string& question) const;
  void add_texts(engine::GenerationRequest& request, Answer& answer) const;
  void follow(engine::GenerationRequest request, const engine::TextSink& on_text,
              const StopToken& stop, const engine::ProgressSink& on_progress, Answer& answer);
  Answer answer_to(const std::string& question, const engine::TextSink& on_text,
                   const StopToken& stop, const engine::ProgressSink& on_progress);
  void keep(text::Message question, const std::string& answer);

  engine::ModelHost& host_;
  engine::Generator& generator_;
  ConversationOptions options_;
  TextReader reader_;
  std::vector<text::Message> messages_;  ///< question, answer, question, ...
  std::list<HeldPicture> pictures_;      ///< of `messages_`, in order
  std::list<WaitingPicture> waiting_;    ///< for the next question
};

}  // namespace oko::tasks
