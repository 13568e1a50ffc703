#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/error.h"
#include "base/file_identity.h"
#include "base/mutex.h"
#include "base/vanished_pages.h"

namespace oko {

/// The bytes of an open file, mapped read-only.
class InputMapping {
 public:
  /// Throws `bad`: empty, not mappable.
  InputMapping(const std::filesystem::path& path, int descriptor, std::uint64_t size,
               ErrorCode bad);
  ~InputMapping();
  InputMapping(const InputMapping&) = delete;
  InputMapping& operator=(const InputMapping&) = delete;

  std::span<const std::byte> bytes() const { return {data_, size_}; }
  const std::string& name() const { return name_; }  ///< of the file

 private:
  std::string name_;
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  std::optional<VanishedPages> vanished_pages_;
};

/// A regular file that is opened once. All reads see the opened file, even if its path is meanwhile
/// replaced or removed. Thread-safe.
class InputFile {
 public:
  /// Throws `bad`: a folder, a device, not readable, missing (kNotFound in place of kBadInput).
  InputFile(std::filesystem::path path, ErrorCode bad);
  /// A file that is open already, under a name for messages; closes `descriptor` even if it throws.
  InputFile(std::filesystem::path name, int descriptor, ErrorCode bad);
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  const std::filesystem::path& path() const { return path_; }
  const FileIdentity& identity() const { return identity_; }  ///< when it was opened
  std::uint64_t size() const { return identity_.size; }       ///< bytes
  int descriptor() const { return descriptor_; }              ///< for another process to read

  /// Up to `size` bytes from `offset`, fewer if the file ends. Throws `bad`: its disk fails.
  std::string part(std::uint64_t offset, std::size_t size) const;

  /// The content of a file of at most `max_bytes`. Throws `bad`: not readable, too large (kTooLarge
  /// in place of kBadInput), a stand-in (`refuse_stand_in`).
  std::string read(std::uint64_t max_bytes) const;

  /// The file, mapped; callers share one mapping while it is used. Throws as InputMapping, and for
  /// a stand-in (`refuse_stand_in`).
  std::shared_ptr<const InputMapping> map() const;

  /// Throws `bad` if somebody has written to the file since it was opened.
  void require_unchanged() const;

  /// The value of `read`, which reads the file. Throws as require_unchanged, also in place of what
  /// `read` finds wrong with its content.
  template <typename Read>
  auto unchanged(const Read& read) const {
    try {
      auto value = read();
      require_unchanged();
      return value;
    } catch (const Error& error) {
      if (is_of_input(error.code())) require_unchanged();
      throw;
    }
  }

 private:
  std::filesystem::path path_;
  ErrorCode bad_;
  int descriptor_ = -1;
  FileIdentity identity_;
  mutable Mutex mutex_;
  mutable std::weak_ptr<const InputMapping> mapping_ OKO_GUARDED_BY(mutex_);
};

}  // namespace oko
