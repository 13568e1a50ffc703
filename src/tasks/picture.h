#pragma once

#include <cstdint>
#include <memory>
#include <string>

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

/// Owns the engine that reads text, and reserves its memory while it exists. One thread may call.
class TextReader {
 public:
  explicit TextReader(engine::ModelHost& host, ReadText when) : host_(host), when_(when) {}

  ReadText when() const { return when_; }
  void set_when(ReadText when) { when_ = when; }
  /// Makes the engine unless there is one, after the end of a reading that was stopped. Throws as
  /// ocr::make_engine does, kOverBudget, kCancelled.
  void load(const StopToken& stop);
  /// Reads a picture with the loaded engine. Throws as ocr::Engine::read, and kCancelled as soon as
  /// `stop` is requested: Tesseract may work on for half a minute. It does so on a thread of its
  /// own, and `memory` and that of the engine stay reserved until its end.
  document::Page read(image::Image image, budget::Reservation memory, const StopToken& stop);
  /// True while a reading goes on that was stopped. The destructor waits for its end.
  bool is_reading() const;
  /// Waits for that end. Returns false if `stop` is requested before.
  bool wait(const StopToken& stop) const;
  void unload() { loaded_.reset(); }
  /// Stops reading text for good.
  void give_up();

 private:
  struct Loaded {
    engine::FixedReservation room;
    std::unique_ptr<ocr::Engine> engine;
  };
  class Reading;

  engine::ModelHost& host_;
  ReadText when_;
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

/// Decodes page `i` of `pages` and reads its text unless the file has it, each under a reservation
/// of the host, after checking that the whole `request` fits with the picture: the model's work and
/// the text as well. Decoding shrinks a picture that would not fit, down to 1 megapixel. Throws
/// kOverBudget with the least budget for all of that and with the other options that are each
/// sufficient; kCancelled, and as Pages::show and ocr::make_engine.
Picture load_picture(engine::ModelHost& host, const engine::Generator& engine,
                     const engine::GenerationRequest& request, document::Pages& pages,
                     std::size_t i, TextReader& reader, const StopToken& stop);

}  // namespace oko::tasks
