#pragma once

#include <memory>
#include <string>

#include "base/stop_token.h"
#include "base/temporary_file.h"

namespace oko::cli {

/// The picture or PDF of an address, in a temporary file. Its first bytes decide what it is. Throws
/// kUnsupported: another kind of file; and as hub::fetch_web_file.
std::unique_ptr<TemporaryFile> keep_web_file(const std::string& url, bool quiet,
                                             const StopToken& stop);

/// Throws kBadInput if `argument` names no file and is an address that oko does not take.
void refuse_other_address(const std::string& argument);

}  // namespace oko::cli
