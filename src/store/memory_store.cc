#include "src/store/memory_store.h"

#include "src/base/assert.h"

namespace eventmq {

void MemoryStore::submit(CommitNumber commit, std::vector<JobRecord> records) {
  EMQ_ASSERT(commit > committed_, "commit {} came after {}", commit, committed_);
  EMQ_ASSERT(!records.empty(), "commit {} is empty", commit);
  committed_ = commit;
}

void MemoryStore::claim(BacklogClaim claim) {
  EMQ_ASSERT(false, "a claim of queue {}, and there is no backlog", claim.queue.view());
}

void MemoryStore::ask(StoreQuestion question) {
  EMQ_ASSERT(false, "question {}, and there is no backlog", question.number);
}

}  // namespace eventmq
