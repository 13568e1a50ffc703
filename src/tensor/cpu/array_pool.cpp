#include "tensor/cpu/array_pool.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <new>

#include "base/error.h"
#include "base/file.h"
#include "base/localized_text.h"

namespace oko::tensor::cpu {
namespace {

constexpr std::size_t kHeaderBytes = 64;
constexpr double kMostTooLarge = 1.5;  // a kept block may be so much larger than what is asked for

std::size_t whole_pages(std::size_t bytes) {
  static const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  return (bytes + page - 1) / page * page;
}

}  // namespace

void ArrayPool::throw_no_memory(std::size_t bytes) {
  throw Error(ErrorCode::kFailed,
              tr("the system has no {} of memory left for arrays",
                 "у системы больше нет {} памяти для массивов", format_bytes(bytes)),
              tr("close other programs, or take a smaller picture or text",
                 "закройте другие программы или возьмите картинку или текст поменьше"));
}

/// Stands at the start of its mapping.
struct ArrayPool::Block {
  std::size_t bytes;  ///< of the mapping

  std::byte* memory() { return reinterpret_cast<std::byte*>(this) + kHeaderBytes; }
  static Block* of(std::byte* memory) { return reinterpret_cast<Block*>(memory - kHeaderBytes); }
};

ArrayPool& array_pool() {
  // Never destroyed: arrays of static lifetime may be given back later than anything else.
  static auto& pool = *new ArrayPool();
  return pool;
}

/// The smallest kept block that will do; taken off the list.
ArrayPool::Block* ArrayPool::find_kept(std::size_t bytes) {
  const auto most = static_cast<std::size_t>(static_cast<double>(bytes) * kMostTooLarge);
  auto best = kept_.end();
  for (auto it = kept_.begin(); it != kept_.end(); ++it) {
    const std::size_t size = (*it)->bytes;
    if (size >= bytes && size <= most && (best == kept_.end() || size < (*best)->bytes)) best = it;
  }
  if (best == kept_.end()) return nullptr;
  Block* block = *best;
  kept_.erase(best);
  kept_bytes_ -= block->bytes;
  return block;
}

/// Frees the blocks that were given back first, until a new block fits with the rest.
void ArrayPool::make_room(std::size_t bytes) {
  const std::size_t peak = std::max(peak_, used_ + bytes);
  while (!kept_.empty() && used_ + kept_bytes_ + bytes > peak + most_kept(peak)) {
    unmap(kept_.front());
    kept_.pop_front();
  }
}

void ArrayPool::unmap(Block* block) {
  kept_bytes_ -= block->bytes;
  ::munmap(block, block->bytes);
}

std::byte* ArrayPool::take(std::size_t bytes) {
  const std::size_t wanted = whole_pages(bytes + kHeaderBytes);
  const std::lock_guard lock(mutex_);
  Block* block = find_kept(wanted);
  if (block == nullptr) {
    make_room(wanted);
    void* mapping = ::mmap(nullptr, wanted, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON, -1, 0);
    if (mapping == MAP_FAILED) throw_no_memory(wanted);
    block = new (mapping) Block{wanted};
  }
  used_ += block->bytes;
  peak_ = std::max(peak_, used_);
  return block->memory();
}

void ArrayPool::give_back(std::byte* memory) {
  Block* block = Block::of(memory);
  const std::lock_guard lock(mutex_);
  used_ -= block->bytes;
  kept_bytes_ += block->bytes;
  kept_.push_back(block);
}

void ArrayPool::trim(std::size_t kept) {
  const std::lock_guard lock(mutex_);
  while (kept_bytes_ > kept) {
    unmap(kept_.front());
    kept_.pop_front();
  }
  peak_ = used_ + kept_bytes_;
}

std::size_t ArrayPool::used_bytes() const {
  const std::lock_guard lock(mutex_);
  return used_;
}

std::size_t ArrayPool::peak_bytes() const {
  const std::lock_guard lock(mutex_);
  return peak_;
}

}  // namespace oko::tensor::cpu
