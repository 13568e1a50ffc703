#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/localized_text.h"
#include "base/stop_token.h"
#include "budget/reservation.h"
#include "document/page.h"
#include "engine/generator.h"
#include "engine/model_host.h"
#include "image/image.h"
#include "ocr/engine.h"

namespace oko::tasks {

/// When the text of pictures is read for the model.
enum class ReadText {
  kNever,
  kWhereItFits,  ///< --ocr auto: not where the budget has room for the rest only
  kAlways,
};

/// Owns the engine that reads text, and reserves its memory while it exists.
class TextReader {
 public:
  explicit TextReader(engine::ModelHost& host, ReadText when) : host_(host), when_(when) {}

  ReadText when() const { return when_; }
  /// Makes it where it is not there. Throws as ocr::make_engine does, kOverBudget, kCancelled.
  ocr::Engine& engine(const StopToken& stop);
  void unload();
  /// Stops reading text for good.
  void give_up();

 private:
  struct Loaded {
    engine::FixedReservation room;
    std::unique_ptr<ocr::Engine> engine;
  };

  engine::ModelHost& host_;
  ReadText when_;
  std::unique_ptr<Loaded> loaded_;
};

/// Time in seconds, memory in bytes: the most that decoding and reading took, and the prediction.
struct PictureStats {
  double decode_seconds = 0;
  double read_seconds = 0;
  budget::TagBytes predicted;  ///< kImage, kOcr
  budget::TagBytes taken;      ///< the same
};

/// A picture on its way to the model.
struct Picture {
  image::Image image;
  int pages = 1;                    ///< of the file, of which this is the first
  LocalizedText others;             ///< of the file, that are not read: see image::others_of
  int shrink = 1;                   ///< by 2, 4 or 8 each way, while it was decoded
  document::Page page;              ///< its text; without lines if it is not read
  LocalizedText unread;             ///< why its text was not read though requested
  budget::Reservation reservation;  ///< of `image` alone
  PictureStats stats;
};

/// Decodes a picture file and reads its text, each under a reservation of the host's, once all that
/// `request` takes with the picture is known to fit: the model's work and the text as well. A
/// picture that would not is shrunk while it is decoded, down to 1 megapixel. Throws
/// kOverBudget with the least budget for all of that and the other options that are each enough;
/// kCancelled, and what image::load and ocr::make_engine throw. `copies`: of the pixels, while the
/// model works.
Picture load_picture(engine::ModelHost& host, const engine::Generator& engine,
                     const engine::GenerationRequest& request, std::uint64_t copies,
                     const std::string& file, TextReader& reader, const StopToken& stop);

}  // namespace oko::tasks
