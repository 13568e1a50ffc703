#pragma once

#include <cstddef>
#include <string>

namespace oko {

/// A mapped file that is cut while it is read has no pages behind its new end: the kernel sends
/// SIGBUS. For the files named here that ends the program with a message that names the file and
/// the exit status of kBadModel, instead of a silent crash. Any thread may call.
class VanishedPages {
 public:
  /// Watches `size` bytes from `data`, which belong to `file`. At most 64 mappings are watched at a
  /// time; more go without.
  VanishedPages(const void* data, std::size_t size, const std::string& file);
  ~VanishedPages();
  VanishedPages(const VanishedPages&) = delete;
  VanishedPages& operator=(const VanishedPages&) = delete;

 private:
  int slot_ = -1;
};

}  // namespace oko
