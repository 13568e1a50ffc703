#include <sys/resource.h>
#include <unistd.h>

#include "base/thread_priority.h"

namespace oko {

/// Linux has a priority for each thread (sched(7)).
void yield_to_other_threads() {
  constexpr int kNice = 10;
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kNice);
}

}  // namespace oko
