#include "cli/picture.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/language.h"
#include "budget/memory_size.h"
#include "budget/peak_sampler.h"
#include "budget/process_memory.h"
#include "engine/stopwatch.h"
#include "ocr/footprint.h"
#include "tensor/device.h"

namespace oko::cli {
namespace {

using budget::Tag;
using budget::TagBytes;

/// What the process takes beyond what it has now, while this lives.
class Taken {
 public:
  std::uint64_t bytes() {
    const std::uint64_t peak = sampler_.peak_bytes();
    return peak - std::min(peak, before_);
  }

 private:
  std::uint64_t before_ = budget::private_bytes();
  budget::PeakSampler sampler_;
};

budget::Lease lease_of(engine::ModelHost& host, Tag tag, std::uint64_t bytes,
                       const std::string& hint, const StopToken& stop, Picture& picture) {
  picture.stats.predicted[tag] = bytes;
  TagBytes wanted;
  wanted[tag] = bytes;
  return host.lease(wanted, hint, stop, &picture.lease);
}

/// The options that are each enough for the whole work, as "--ocr off or --budget 80MB".
std::string find_options(const engine::ModelHost& host, const image::Header& header,
                         const TextReading& reading) {
  const std::uint64_t beside = host.ledger().held().total();
  std::uint64_t least = beside + header.decode_bytes;
  if (reading.least_budget) {
    least = std::max(least, reading.least_budget(header.width, header.height));
  }
  const bool fits_without_text =
      reading.engine != nullptr && least <= host.ledger().budget_bytes() + ocr::kEngineBytes;
  if (reading.engine != nullptr && !reading.only_where_fits) {
    const std::uint64_t rgb = std::uint64_t{3} * static_cast<std::uint64_t>(header.width) *
                              static_cast<std::uint64_t>(header.height);
    least = std::max(least, beside + rgb + ocr::reading_bytes(header.width, header.height));
  }
  const std::string budget = "--budget " + budget::memory_size_text(least);
  return fits_without_text ? tr("--ocr off or {}", "--ocr off или {}", budget) : budget;
}

void decode(engine::ModelHost& host, const std::string& file, const TextReading& reading,
            const StopToken& stop, Picture& picture) {
  const image::Header header = image::read_header(file);
  picture.options = find_options(host, header, reading);
  picture.lease = lease_of(host, Tag::kImage, header.decode_bytes,
                           tr("use {}, or make the picture smaller",
                              "укажите {} или уменьшите картинку", picture.options),
                           stop, picture);
  Taken taken;
  const engine::Stopwatch time;
  picture.image = image::load(file);
  picture.stats.decode_seconds = time.seconds();
  picture.stats.taken[Tag::kImage] = taken.bytes();
  TagBytes spare = picture.lease.bytes();
  spare[Tag::kImage] -= std::min<std::uint64_t>(spare[Tag::kImage], picture.image.rgb.size());
  picture.lease.split(spare);
}

void read_text(engine::ModelHost& host, const TextReading& reading, const StopToken& stop,
               Picture& picture) {
  // The picture is read from a copy, which is in this.
  const budget::Lease lease =
      lease_of(host, Tag::kOcr, ocr::reading_bytes(picture.image.width, picture.image.height),
               tr("use {}", "укажите {}", picture.options), stop, picture);
  Taken taken;
  const engine::Stopwatch time;
  picture.page = reading.engine->read(picture.image, stop);
  picture.stats.read_seconds = time.seconds();
  picture.stats.taken[Tag::kOcr] = taken.bytes();
  tensor::release_spare_memory();
}

}  // namespace

Picture load_picture(engine::ModelHost& host, const std::string& file, const TextReading& reading,
                     const StopToken& stop) {
  Picture picture;
  decode(host, file, reading, stop, picture);
  if (reading.engine == nullptr) return picture;
  try {
    read_text(host, reading, stop, picture);
  } catch (const Error& error) {
    if (!reading.only_where_fits || error.code() != ErrorCode::kOverBudget) throw;
    picture.unread = error.what();
  }
  return picture;
}

}  // namespace oko::cli
