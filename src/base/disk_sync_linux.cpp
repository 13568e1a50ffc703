#include <unistd.h>

#include "base/disk_sync.h"

namespace oko {

bool sync_to_disk(int file) {
  return ::fsync(file) == 0;
}

}  // namespace oko
