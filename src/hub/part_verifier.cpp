#include "hub/part_verifier.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <string_view>
#include <utility>

namespace oko::hub {
namespace {

constexpr std::size_t kBufferBytes = std::size_t{1} << 20;
constexpr std::chrono::milliseconds kLook{10};  // for more bytes of a file that is being written
constexpr std::uint64_t kWriteBack = 8 << 20;

/// The hashes of a part, as it was published and as it is stored.
class PartHash {
 public:
  PartHash(const PartFile& part, const RepositoryFile& expected)
      : part_(part),
        expected_(expected),
        published_(expected),
        clears_(part.ready().clears),
        buffer_(kBufferBytes) {}

  bool is_complete() const { return hashed_ >= expected_.size; }

  /// Hashes some of the bytes that are ready. Returns false if none are.
  bool advance() {
    const PartFile::Ready state = part_.ready();
    if (state.clears != clears_) {
      clears_ = state.clears;
      restart();
      return true;
    }
    const std::uint64_t ready = state.bytes - hashed_;
    if (ready == 0) return false;
    const std::span bytes(buffer_.data(), std::min<std::uint64_t>(ready, buffer_.size()));
    std::string header;
    const bool begins_padded = hashed_ == 0 && state.padding.count > 0;
    if (!part_.read(hashed_, bytes) || (begins_padded && !part_.read_stored_header(header))) {
      if (part_.ready().clears == clears_) part_.fail_read(EIO);  // the file was cut
      return true;
    }
    if (begins_padded) {
      padding_ = state.padding;
      stored_.update(std::as_bytes(std::span(header)));
    }
    add(bytes);
    return true;
  }

  /// Returns the hash of what was published, and sets what is stored. Call it once.
  std::string finish(RepositoryFile& file) {
    if (padding_.count > 0) {
      file.stored_size = file.size + padding_.count;
      file.stored_sha256 = stored_.finish();
    }
    return published_.finish();
  }

 private:
  void restart() {
    published_ = FileDigest(expected_);
    stored_ = Digest(DigestKind::kSha256);
    padding_ = {};
    hashed_ = written_back_ = 0;
  }

  void add(std::span<const std::byte> bytes) {
    published_.update(bytes);
    const std::uint64_t end = hashed_ + bytes.size();
    if (padding_.count > 0 && end > padding_.at) {
      const std::uint64_t of_header = padding_.at - std::min(padding_.at, hashed_);
      stored_.update(bytes.subspan(of_header));
    }
    hashed_ = end;
    if (hashed_ - written_back_ < kWriteBack) return;
    part_.start_writing_back({written_back_, hashed_});
    written_back_ = hashed_;
  }

  const PartFile& part_;
  const RepositoryFile& expected_;
  FileDigest published_;
  Digest stored_{DigestKind::kSha256};
  Padding padding_;  ///< count 0: what is stored is what was published
  int clears_;
  std::uint64_t hashed_ = 0;
  std::uint64_t written_back_ = 0;
  std::vector<std::byte> buffer_;
};

}  // namespace

FileDigest::FileDigest(const RepositoryFile& expected)
    : digest_(expected.sha256.empty() ? DigestKind::kSha1 : DigestKind::kSha256) {
  if (!expected.sha256.empty()) return;
  std::string head = fmt::format("blob {}", expected.size);
  head += '\0';
  digest_.update(std::as_bytes(std::span(head)));
}

const std::string& hash_of(const RepositoryFile& file) {
  return file.sha256.empty() ? file.git_sha1 : file.sha256;
}

PartVerifier::PartVerifier(OnRight on_right)
    : on_right_(std::move(on_right)), thread_([this](const StopToken& stop) { run(stop); }) {}

PartVerifier::~PartVerifier() = default;

void PartVerifier::add(std::size_t id, PartFile& part, const RepositoryFile& expected) {
  {
    const MutexLock lock(mutex_);
    jobs_.push_back({id, &part, expected});
  }
  changed_.notify_all();
}

std::vector<PartVerifier::Verdict> PartVerifier::take_verdicts() {
  const MutexLock lock(mutex_);
  if (failure_) std::rethrow_exception(failure_);
  return std::exchange(verdicts_, {});
}

void PartVerifier::run(const StopToken& stop) {
  try {
    while (true) {
      Job job;
      {
        const MutexLock lock(mutex_);
        if (!changed_.wait(mutex_, stop,
                           [this]() OKO_REQUIRES(mutex_) { return !jobs_.empty(); })) {
          return;
        }
        job = jobs_.front();
        jobs_.pop_front();
      }
      if (!verify(job, stop)) return;
    }
  } catch (...) {
    const MutexLock lock(mutex_);
    failure_ = std::current_exception();
  }
}

/// Returns false at a stop.
bool PartVerifier::verify(const Job& job, const StopToken& stop) {
  PartHash hash(*job.part, job.expected);
  while (!hash.is_complete()) {
    if (stop.stop_requested()) return false;
    if (hash.advance()) continue;
    const MutexLock lock(mutex_);
    changed_.wait_for(mutex_, stop, kLook, [] { return false; });
  }
  RepositoryFile file = job.expected;
  Verdict verdict{job.id, false, hash.finish(file)};
  verdict.right = verdict.hash == hash_of(job.expected);
  if (verdict.right) {
    if (on_right_) on_right_(file);
    job.part->keep();
  }
  const MutexLock lock(mutex_);
  verdicts_.push_back(std::move(verdict));
  return true;
}

}  // namespace oko::hub
