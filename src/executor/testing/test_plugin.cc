// A plug-in, as users write them: it includes the public headers and links nothing.
#include "eventmq/job.h"

namespace {

EVENTMQ_JOB(
    "plugin.double", [](long number) { return 2 * number; }, "number");

}  // namespace
