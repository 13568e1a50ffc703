#include "image/exif_date.h"

#include <array>
#include <cstddef>
#include <string>

namespace oko::image {
namespace {

/// "exif-ifd2-DateTimeOriginal" as libvips gives it, with a description of its type behind; empty
/// if there is none.
std::string exif_field(VipsImage* image, const char* name) {
  const char* text = nullptr;
  if (vips_image_get_typeof(image, name) == 0 || vips_image_get_string(image, name, &text) != 0) {
    return {};
  }
  return text;
}

/// Two or four digits at `at`; -1 if they are none.
int exif_number(std::string_view text, std::size_t at, std::size_t digits) {
  if (at + digits > text.size()) return -1;
  int value = 0;
  for (const char c : text.substr(at, digits)) {
    if (c < '0' || c > '9') return -1;
    value = value * 10 + (c - '0');
  }
  return value;
}

}  // namespace

std::optional<std::chrono::sys_seconds> parse_exif_date(std::string_view date,
                                                        std::string_view zone) {
  using namespace std::chrono;
  // Some programs write the dashes of ISO 8601.
  constexpr std::size_t kLength = 19;
  if (date.size() < kLength) return {};
  const year_month_day day{year(exif_number(date, 0, 4)),
                           month(static_cast<unsigned>(exif_number(date, 5, 2))),
                           std::chrono::day(static_cast<unsigned>(exif_number(date, 8, 2)))};
  const int hour = exif_number(date, 11, 2), minute = exif_number(date, 14, 2),
            second = exif_number(date, 17, 2);
  constexpr int kFirstYear = 1800;  // clocks that were never set say 0000
  if (!day.ok() || day.year() < year(kFirstYear) || hour < 0 || hour > 23 || minute < 0 ||
      minute > 59 || second < 0 || second > 60) {
    return {};
  }
  const sys_seconds time = sys_days(day) + hours(hour) + minutes(minute) + seconds(second);
  const int zone_hour = exif_number(zone, 1, 2), zone_minute = exif_number(zone, 4, 2);
  if (zone_hour < 0 || zone_hour > 14 || zone_minute < 0 || zone_minute > 59) return time;
  const seconds offset = hours(zone_hour) + minutes(zone_minute);
  if (zone[0] == '+') return time - offset;
  return zone[0] == '-' ? time + offset : time;
}

std::optional<std::chrono::sys_seconds> exif_date(VipsImage* image) {
  struct Source {
    const char* date;
    const char* zone;
  };
  static constexpr std::array<Source, 3> kSources{{
      {"exif-ifd2-DateTimeOriginal", "exif-ifd2-OffsetTimeOriginal"},
      {"exif-ifd2-DateTimeDigitized", "exif-ifd2-OffsetTimeDigitized"},
      {"exif-ifd0-DateTime", "exif-ifd2-OffsetTime"},
  }};
  for (const Source& source : kSources) {
    const auto date =
        parse_exif_date(exif_field(image, source.date), exif_field(image, source.zone));
    if (date) return date;
  }
  return {};
}

}  // namespace oko::image
