// The little that the broker reads of job messages (docs/protocol.md, "The job message"), never on a job's way: their
// names, for people, and what makes two schedules the same one.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace eventmq {

// "path.callable" of a job message, for people; empty when it has none. At most the first 4 KiB are read, which is
// where every client writes both; a path further on is not seen.
std::string job_name(std::string_view message);

// The same number for messages with the same path, callable and argument lists, however they are spelled, at every
// start of the broker. A message that is no job message, or is long or deep, is compared byte by byte.
uint64_t schedule_number(std::string_view message);

}  // namespace eventmq
