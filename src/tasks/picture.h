#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/localized_text.h"
#include "base/stop_token.h"
#include "budget/reservation.h"
#include "document/page.h"
#include "document/pages.h"
#include "engine/generator.h"
#include "engine/model_host.h"
#include "image/image.h"
#include "ocr/engine.h"

namespace oko::tasks {

/// The condition to read the text of pictures for the model.
enum class ReadText {
  kNever,
  kWhereItFits,  ///< if the budget has room for it and for the rest
  kAlways,
};

/// "off", "on", "auto"; nothing for other words.
std::optional<ReadText> read_text_of(std::string_view word);

/// Reads the text of pictures for `load_picture`. One thread may call.
class PictureReader {
 public:
  virtual ~PictureReader() = default;
  PictureReader(const PictureReader&) = delete;
  PictureReader& operator=(const PictureReader&) = delete;

  ReadText when() const { return when_; }
  /// Makes an engine ready to read. Throws as ocr::make_engine does, kOverBudget, kCancelled,
  /// kBusy.
  virtual void load(const StopToken& stop) = 0;
  /// Reads a picture with the loaded engine, in `memory`. Throws as ocr::Engine::read, kCancelled.
  virtual document::Page read(image::Image image, budget::Reservation memory,
                              const StopToken& stop) = 0;
  virtual void unload() = 0;
  /// Called after each picture, read or not.
  virtual void end_picture() {}
  /// Stops reading text for good.
  void give_up() {
    unload();
    when_ = ReadText::kNever;
  }

 protected:
  explicit PictureReader(ReadText when) : when_(when) {}
  void change_when(ReadText when) { when_ = when; }

 private:
  ReadText when_;
};

/// Owns the engine that reads text, and reserves its memory while it exists.
class TextReader : public PictureReader {
 public:
  explicit TextReader(engine::ModelHost& host, ReadText when) : PictureReader(when), host_(host) {}

  void set_when(ReadText when) { change_when(when); }
  /// Makes the engine unless there is one, after the end of a reading that was stopped.
  void load(const StopToken& stop) override;
  /// Throws kCancelled as soon as `stop` is requested: Tesseract may work on for half a minute. It
  /// does so on a thread of its own, and `memory` and that of the engine stay reserved until its
  /// end.
  document::Page read(image::Image image, budget::Reservation memory,
                      const StopToken& stop) override;
  /// True while a reading goes on that was stopped. The destructor waits for its end.
  bool is_reading() const;
  /// Waits for that end. Returns false if `stop` is requested before.
  bool wait(const StopToken& stop) const;
  void unload() override { loaded_.reset(); }

 private:
  struct Loaded {
    engine::FixedReservation room;
    std::unique_ptr<ocr::Engine> engine;
  };
  class Reading;

  engine::ModelHost& host_;
  std::shared_ptr<Loaded> loaded_;
  std::shared_ptr<Reading> reading_;  ///< the last result; null before the first
  JoiningThread thread_;              ///< of `reading_`
};

/// Times in seconds; memory in bytes: the peaks of decoding and reading, and the prediction.
struct PictureStats {
  double decode_seconds = 0;
  double read_seconds = 0;
  budget::TagBytes predicted;  ///< kImage, kOcr
  budget::TagBytes taken;      ///< the same
};

/// A decoded picture for the model.
struct Picture {
  image::Image image;
  int pages = 1;            ///< of the file
  LocalizedText others;     ///< a note on other pictures of the file: see image::others_of
  LocalizedText shrinking;  ///< a note that it is smaller than in the file; empty: it is not
  document::Page page;      ///< its text; without lines if it is not read
  LocalizedText unread;     ///< the reason why requested text was not read
  budget::Reservation reservation;  ///< of `image` only
  PictureStats stats;
};

/// A note for the user, of Picture::unread.
LocalizedText unread_text(const LocalizedText& reason);

/// Decodes page `i` of `pages` and reads its text unless the file has it, each under a reservation
/// of the host, after checking that the whole `request` fits with the picture: the model's work and
/// the text as well. Decoding shrinks a picture that would not fit, down to 1 megapixel. Throws
/// kOverBudget with the least budget for all of that and with the other options that are each
/// sufficient; kCancelled, and as Pages::show and ocr::make_engine.
Picture load_picture(engine::ModelHost& host, const engine::Generator& engine,
                     const engine::GenerationRequest& request, document::Pages& pages,
                     std::size_t i, PictureReader& reader, const StopToken& stop);

}  // namespace oko::tasks
