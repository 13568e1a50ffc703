#include <fcntl.h>
#include <unistd.h>

#include "base/disk_sync.h"

namespace oko {

bool sync_to_disk(int file) {
  return ::fsync(file) == 0;
}

void start_writing_back(int file, std::uint64_t offset, std::uint64_t size) {
  ::sync_file_range(file, static_cast<off64_t>(offset), static_cast<off64_t>(size),
                    SYNC_FILE_RANGE_WRITE);
}

}  // namespace oko
