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

PartVerifier::PartVerifier() : thread_([this](const StopToken& stop) { run(stop); }) {}

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
  FileDigest digest(job.expected);
  std::vector<std::byte> buffer(kBufferBytes);
  std::uint64_t hashed = 0;
  int clears = job.part->ready().clears;
  while (hashed < job.expected.size) {
    if (stop.stop_requested()) return false;
    const PartFile::Ready state = job.part->ready();
    if (state.clears != clears) {
      clears = state.clears;
      digest = FileDigest(job.expected);
      hashed = 0;
      continue;
    }
    const std::uint64_t ready = state.bytes - hashed;
    if (ready == 0) {
      const MutexLock lock(mutex_);
      changed_.wait_for(mutex_, stop, kLook, [] { return false; });
      continue;
    }
    const std::span bytes(buffer.data(), std::min<std::uint64_t>(ready, buffer.size()));
    if (!job.part->read(hashed, bytes)) {
      if (job.part->ready().clears == clears) job.part->fail_read(EIO);  // the file was cut
      continue;
    }
    digest.update(bytes);
    hashed += bytes.size();
  }
  Verdict verdict{job.id, false, digest.finish()};
  verdict.right = verdict.hash == hash_of(job.expected);
  if (verdict.right) job.part->keep();
  const MutexLock lock(mutex_);
  verdicts_.push_back(std::move(verdict));
  return true;
}

}  // namespace oko::hub
