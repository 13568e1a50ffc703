#include "base/duration_text.h"

namespace oko {

LocalizedText duration_text(std::chrono::seconds duration) {
  const auto seconds = duration.count();
  if (seconds < 100) return tr("{} s", "{} с", seconds);
  const auto minutes = (seconds + 30) / 60;
  if (minutes < 100) return tr("{} min", "{} мин", minutes);
  return tr("{} h {} min", "{} ч {} мин", minutes / 60, minutes % 60);
}

}  // namespace oko
