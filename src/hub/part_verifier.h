#pragma once

#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/stop_token.h"
#include "hub/digest.h"
#include "hub/part_file.h"
#include "hub/repository.h"

namespace oko::hub {

/// Hashes files on a thread of its own while they are written: it reads what is ready, which the
/// page cache still has. Files that are right get their names (`PartFile::keep`).
class PartVerifier {
 public:
  /// Called on the thread with a file that is right, `stored_...` set where its header was padded,
  /// before it gets its name. May be empty.
  using OnRight = std::function<void(const RepositoryFile&)>;

  explicit PartVerifier(OnRight on_right = {});
  ~PartVerifier();
  PartVerifier(const PartVerifier&) = delete;
  PartVerifier& operator=(const PartVerifier&) = delete;

  /// Adds a file, which must live until its verdict; files are hashed in this order.
  void add(std::size_t id, PartFile& part, const RepositoryFile& expected);

  struct Verdict {
    std::size_t id = 0;
    bool right = false;
    std::string hash;  ///< of what was written
  };
  /// The verdicts since the last call. Throws what the thread has thrown.
  std::vector<Verdict> take_verdicts();

 private:
  struct Job {
    std::size_t id = 0;
    PartFile* part = nullptr;
    RepositoryFile expected;
  };

  void run(const StopToken& stop);
  bool verify(const Job& job, const StopToken& stop);

  OnRight on_right_;
  Mutex mutex_;
  ConditionVariable changed_;
  std::deque<Job> jobs_ OKO_GUARDED_BY(mutex_);
  std::vector<Verdict> verdicts_ OKO_GUARDED_BY(mutex_);
  std::exception_ptr failure_ OKO_GUARDED_BY(mutex_);
  JoiningThread thread_;  // last: it uses the rest
};

/// The digest that `expected` names, before its first byte: git hashes a header, too.
class FileDigest {
 public:
  explicit FileDigest(const RepositoryFile& expected);
  void update(std::span<const std::byte> bytes) { digest_.update(bytes); }
  std::string finish() { return digest_.finish(); }

 private:
  Digest digest_;
};

/// The hash that `file` must have.
const std::string& hash_of(const RepositoryFile& file);

}  // namespace oko::hub
