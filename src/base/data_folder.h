#pragma once

#include <filesystem>
#include <optional>

namespace oko {

/// The path of the running program, links resolved. Empty if the system does not tell.
std::filesystem::path program_path();

/// The folder of the files that belong to the program, as `demo/` of the source has them: a small
/// model, pictures, the references of the self-test. It is `../share/oko` next to the folder of an
/// installed program, and `share/oko` in a build folder. Nothing if it is not there.
std::optional<std::filesystem::path> data_folder(
    const std::filesystem::path& program = program_path());

}  // namespace oko
