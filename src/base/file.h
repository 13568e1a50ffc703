#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/file_identity.h"

namespace oko {

/// Identity of a regular file. Throws `missing` if there is none, or if it is a folder or device.
FileIdentity identify_file(const std::filesystem::path& path, ErrorCode missing);

/// True if a folder has an entry of that name, a broken link included.
bool has_entry(const std::filesystem::path& path);

/// Throws with code `bad` if `bytes`, the begin of file `path`, are a stand-in for the file: a
/// pointer of git-lfs
/// (https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md), or a web page.
void refuse_stand_in(std::string_view bytes, const std::filesystem::path& path, ErrorCode bad);

/// The content of a regular file of at most `max_bytes`. Throws with code `bad`: a folder, not
/// readable, a stand-in (`refuse_stand_in`); missing (kNotFound in place of kBadInput), too large
/// (kTooLarge in place of kBadInput).
std::string read_file(const std::filesystem::path& path, std::uint64_t max_bytes, ErrorCode bad);

/// Writes a file next to `path` and renames it, so that a reader never sees half a file. Throws
/// kFailed.
void write_file_atomically(const std::filesystem::path& path, std::span<const std::byte> bytes);
inline void write_file_atomically(const std::filesystem::path& path, std::string_view text) {
  write_file_atomically(path, std::as_bytes(std::span(text)));
}

/// "3.1 GB", "640 MB", "12 kB": decimal units, for messages.
LocalizedText format_bytes(std::uint64_t bytes);

/// Two sizes of one message as `format_bytes` writes them, or to the byte ("8000123 bytes") if the
/// sizes differ and their texts would not.
struct SizePair {
  SizePair(std::uint64_t first_bytes, std::uint64_t second_bytes);
  LocalizedText first;
  LocalizedText second;
};

/// `$OKO_HOME`, else `~/.oko`. Not created.
std::filesystem::path oko_home();

}  // namespace oko
