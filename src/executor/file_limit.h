// The limit on open files: a job manager needs three descriptors for each worker process, more than the usual 1024
// allow, while the processes themselves get the limit that it was started with. A router needs one for each connection.
#pragma once

#include <sys/resource.h>

namespace eventmq {

// Raises this process's limit as far as it may. Call before the first worker process.
void raise_file_limit();
// The limit before it was raised.
rlimit inherited_file_limit();

}  // namespace eventmq
