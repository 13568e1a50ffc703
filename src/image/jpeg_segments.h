#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace oko::image {

/// A marker of a JPEG file and its content behind the length, without the data of a scan.
struct JpegSegment {
  int marker = 0;  ///< its second byte
  std::string_view content;

  std::uint8_t byte(std::size_t at) const {
    return at < content.size() ? static_cast<std::uint8_t>(content[at]) : std::uint8_t{0};
  }
};

/// Reads the segments of a JPEG file (ITU-T T.81, annex B). `bytes` must outlive it.
class JpegSegments {
 public:
  explicit JpegSegments(std::string_view bytes) : bytes_(bytes) {}

  /// The next segment that has a length; nothing at the end of the picture, or if a segment reaches
  /// beyond the file.
  std::optional<JpegSegment> next();

  /// True if the end of the picture was reached. Phones append films to it.
  bool has_end() const { return has_end_; }

 private:
  std::string_view bytes_;
  std::size_t at_ = 2;
  bool has_end_ = false;
};

/// True if the scans of a JPEG file give all bits of all coefficients, so that it lacks only the
/// marker at its end. The data of the last scan may still break off.
bool lacks_only_end(std::string_view bytes);

}  // namespace oko::image
