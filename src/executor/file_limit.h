// The limit on open files: a job manager needs three descriptors for each worker process, more than the usual 1024
// allow, while the processes themselves get the limit that it was started with. A router needs one for each connection.
#pragma once

#include <sys/resource.h>

#include <cstdint>

#include "src/base/result.h"

namespace eventmq {

// Raises this process's limit as far as it may. Call before the first worker process.
void raise_file_limit();
// Whether this process, with its limit raised, may open what so many worker processes and their job manager open.
// Errors: kSystem, which says how many processes it may have. A job manager that started all the same would fail at a
// process, or end inside the library that makes its connection.
Result<void> check_file_limit(uint64_t processes);
// The limit before it was raised.
rlimit inherited_file_limit();

}  // namespace eventmq
