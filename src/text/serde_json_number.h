#pragma once

#include <string_view>

namespace oko::text {

/// The number that HF `tokenizers` reads for `text`, a JSON number. It is not always the nearest
/// one: serde_json takes the digits as an integer and multiplies or divides it by a power of ten,
/// each step rounded. The last bit decides ties between pieces.
double serde_json_number(std::string_view text);

}  // namespace oko::text
