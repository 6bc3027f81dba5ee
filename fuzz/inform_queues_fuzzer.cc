// The queues of INFORM from any text: what is accepted is within the limits, and the spelling that we emit
// for it is accepted again and says the same.
#include <cstdint>
#include <string_view>

#include "src/base/assert.h"
#include "src/codec/inform_queues.h"
#include "src/wire/limits.h"
#include "src/wire/names.h"
#include "src/wire/text.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace eventmq;
  const auto queues = parse_inform_queues(Bytes(std::string_view(reinterpret_cast<const char*>(data), size)));
  if (!queues) {
    EMQ_ASSERT(!queues.error().text.empty() && is_utf8(queues.error().text));
    return 0;
  }
  EMQ_ASSERT(queues->size() <= limits::kQueuesPerInform);
  for (const QueueWeight& queue : *queues) {
    EMQ_ASSERT(queue.weight <= limits::kQueueWeight);
    EMQ_ASSERT(!queue_name_fault(queue.name.view()));
  }
  const auto again = parse_inform_queues(Bytes(inform_queues_text(*queues)));
  EMQ_ASSERT(again, "what was emitted is refused: {}", again.error().text);
  EMQ_ASSERT(*again == *queues);
  return 0;
}
