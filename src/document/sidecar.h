#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace oko::document {

/// Words about a file that other programs can read.
struct SidecarText {
  std::string description;            ///< UTF-8; empty: there is none
  std::string language;               ///< of `description`, BCP 47; empty: unknown
  std::vector<std::string> keywords;  ///< UTF-8
  bool operator==(const SidecarText&) const = default;
};

enum class SidecarResult {
  kWritten,
  kUnchanged,  ///< the sidecar says the same
  kLeftAlone,  ///< another program or the user has written it
};

/// "photo.jpg.xmp" of "photo.jpg", as darktable and digiKam name them.
std::filesystem::path sidecar_path(const std::filesystem::path& file);

/// Writes the words beside a file, never into it: XMP (ISO 16684-1) with dc:description and
/// dc:subject. A reader never sees half a sidecar. One that exists is replaced only if oko has
/// written it and nobody has changed it since. Throws kFailed.
SidecarResult write_sidecar(const std::filesystem::path& file, const SidecarText& text);

/// Removes the sidecar of a file, which may have gone, if oko has written it and nobody has changed
/// it since. Returns true if it did. Throws kFailed.
bool remove_sidecar(const std::filesystem::path& file);

/// Moves the sidecar of a file along with it, under the same condition; removes it if there is
/// one at the new place. Returns true if it did. Throws kFailed.
bool move_sidecar(const std::filesystem::path& from, const std::filesystem::path& to);

/// What `write_sidecar` writes.
std::string xmp_of(const SidecarText& text);

}  // namespace oko::document
