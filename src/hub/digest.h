#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

namespace oko::hub {

enum class DigestKind {
  kSha256,  ///< of files in Git LFS
  kSha1,    ///< of git's objects
};

/// The hash of bytes that come in pieces, by a library that uses the processor's instructions.
class Digest {
 public:
  explicit Digest(DigestKind kind);
  ~Digest();
  Digest(Digest&& other) noexcept;
  Digest& operator=(Digest&& other) noexcept;

  void update(std::span<const std::byte> bytes);

  /// The hash of all bytes in hexadecimal, in lower case. Call it once, at the end.
  std::string finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace oko::hub
