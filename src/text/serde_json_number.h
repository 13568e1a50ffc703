#pragma once

#include <string_view>

namespace oko::text {

/// The number that HF `tokenizers` reads, which is not always the nearest one: serde_json takes the
/// digits as an integer and multiplies or divides it by a power of ten, each step rounded. The last
/// bit decides ties between pieces.
/// `text` is a number as JSON writes it.
double serde_json_number(std::string_view text);

}  // namespace oko::text
