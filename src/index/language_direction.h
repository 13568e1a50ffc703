#pragma once

#include <span>
#include <vector>

/// Some models put texts of the query's own language before those that answer it: the vectors of
/// multilingual-e5 have a direction that says the language. A query without it is as near to an
/// answer in one language as in another (DECISIONS 155).
namespace oko::index {

/// The direction, of length 1, from the vectors of passages in one language to those of their
/// translations; each of length 1. Empty if the translations are not found clearly better without
/// it: each half of the passages is asked with the direction of the other half; and for less than
/// four pairs.
std::vector<float> language_direction(std::span<const std::vector<float>> passages,
                                      std::span<const std::vector<float>> translations);

/// Takes the direction out of a query, which keeps length 1. No direction: nothing happens.
void remove_direction(std::span<float> query, std::span<const float> direction);

}  // namespace oko::index
