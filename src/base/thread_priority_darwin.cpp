#include <pthread/qos.h>

#include "base/thread_priority.h"

namespace oko {

void yield_to_other_threads() {
  ::pthread_set_qos_class_self_np(QOS_CLASS_UTILITY, 0);
}

}  // namespace oko
