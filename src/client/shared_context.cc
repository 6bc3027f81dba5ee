#include "src/client/shared_context.h"

#include <unistd.h>

#include <mutex>

namespace eventmq {

std::shared_ptr<ZmqContext> shared_context() {
  static std::mutex mutex;
  static std::weak_ptr<ZmqContext> current;
  static pid_t owner = 0;

  const std::lock_guard lock(mutex);
  std::shared_ptr<ZmqContext> context = owner == getpid() ? current.lock() : nullptr;
  if (!context) {
    context = std::make_shared<ZmqContext>();
    current = context;
    owner = getpid();
  }
  return context;
}

}  // namespace eventmq
