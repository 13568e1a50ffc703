#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "cli/inputs.h"

namespace oko::cli {

/// The names of outputs in a folder, one per input: NAME.txt for NAME.png, in folders as the input
/// lies in the folder that was given. Of inputs with one name the later ones become NAME-2.txt.
class OutputFolder {
 public:
  /// `extension`: ".txt". Makes the folder. Throws kFailed; kUsage if an output is an input.
  OutputFolder(const std::filesystem::path& folder, const std::string& extension,
               const Inputs& inputs);

  /// Makes the folder of the output for the input of that number among `Inputs::paths`. Throws
  /// kFailed if it cannot, or if a link leads out of the folder.
  std::string path_of(std::size_t number) const;

 private:
  std::filesystem::path folder_;
  std::vector<std::filesystem::path> paths_;
};

}  // namespace oko::cli
