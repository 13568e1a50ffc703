#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "decoding/helpers.h"

namespace oko::server {

/// Processes of a program for tests (tests/decoding), with these arguments, that decode for a
/// server.
inline std::shared_ptr<decoding::Helpers> test_helpers(std::vector<std::string> arguments) {
  return std::make_shared<decoding::Helpers>(
      decoding::HelperOptions{.program = OKO_TEST_HELPER, .arguments = std::move(arguments)});
}

}  // namespace oko::server
