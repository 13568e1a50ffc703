#pragma once

#include <chrono>

#include "base/localized_text.h"

namespace oko {

/// "42 s", "3 min", "2 h 5 min".
LocalizedText duration_text(std::chrono::seconds duration);

}  // namespace oko
