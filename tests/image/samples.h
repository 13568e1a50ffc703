#pragma once

#include <fstream>
#include <string>
#include <vector>

#include "base/file.h"
#include "image/image.h"

namespace oko::image {

/// A picture of tests/image/data; tools/image/make_samples.py describes each.
struct Sample {
  std::string file;
  std::string expected;  // PPM with the pixels that Pillow reads
  int tolerance = 0;     // largest difference allowed in a channel
};

inline std::string read_data(const std::string& name) {
  return read_file(std::string(OKO_TEST_DATA "/") + name, 1'000'000, ErrorCode::kBadInput);
}

inline std::vector<Sample> all_samples() {
  std::ifstream list(OKO_TEST_DATA "/samples.txt");
  std::vector<Sample> samples;
  Sample sample;
  while (list >> sample.file >> sample.expected >> sample.tolerance) samples.push_back(sample);
  return samples;
}

inline Image decode_text(const std::string& bytes, const std::string& name = "picture",
                         const Limits& limits = {}) {
  return decode(std::as_bytes(std::span(bytes)), name, limits);
}

}  // namespace oko::image
