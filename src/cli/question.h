#pragma once

#include <string>
#include <vector>

#include "base/stop_token.h"
#include "cli/describe_options.h"

namespace oko::cli {

/// Throws kNotFound, with a hint at --prompt, if one of `files` is no file and looks like a
/// question.
void refuse_question_as_file(const std::vector<std::string>& files);

/// The question in a file, or of standard input for "-", without line breaks at its end. Throws
/// kUsage if `files` has standard input, too; kTooLarge; and as read_file.
std::string question_in_file(const std::string& file, const std::vector<std::string>& files,
                             const StopToken& stop);

/// Throws kUsage for options that exclude each other.
void refuse_conflicts(const DescribeOptions& options);

}  // namespace oko::cli
