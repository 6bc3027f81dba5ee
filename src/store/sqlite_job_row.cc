#include "src/store/sqlite_job_row.h"

#include <fmt/format.h>

namespace eventmq {
namespace {

uint32_t small_count(const SqliteStatement& row, int column) { return static_cast<uint32_t>(row.integer(column)); }

}  // namespace

JobKey job_key_of(const SqliteStatement& row) { return static_cast<JobKey>(row.integer(0)); }
int64_t queue_id_of(const SqliteStatement& row) { return row.integer(2); }

Result<StoredEnd> read_end_row(const SqliteStatement& row) {
  StoredEnd end;
  if (!outcome_from_word(row.text(1), end.outcome)) {
    return tl::unexpected(
        unreadable_row(fmt::format("ended job {}", row.text(0)), fmt::format("its outcome is {}", row.text(1))));
  }
  end.id = Bytes(row.text(0));
  end.ended_at = Instant{row.integer(2)};
  end.reply_wanted = row.integer(3) != 0;
  end.result = Bytes(row.blob(4));
  return end;
}

Error unreadable_row(std::string_view row, std::string_view fault) {
  return {ErrorCode::kStoreUnavailable,
          fmt::format("the store's {} cannot be read ({}): mend the row, or delete it, with sqlite3", row, fault)};
}

Error id_twice(JobKey job, JobKey earlier) {
  return unreadable_row(fmt::format("job {}", job), fmt::format("its id is that of job {}", earlier));
}

Result<StoredJob> read_job_row(const SqliteStatement& row, const Bytes& queue) {
  const auto unreadable = [&](std::string_view fault) {
    return tl::unexpected(unreadable_row(fmt::format("job {}", job_key_of(row)), fault));
  };
  if (row.integer(12) != 0) return unreadable("its payload is missing");
  StoredJob job;
  JobAccepted& accepted = job.accepted;
  const std::string_view id = row.text(1), headers = row.text(3), worker = row.blob(10), reply_to = row.blob(15);
  const std::string_view history = row.text(16);
  BytesPacker packer(id.size() + headers.size() + worker.size() + reply_to.size() + history.size());
  accepted.key = job_key_of(row);
  accepted.queue = queue;
  accepted.id = packer.add(id);
  job.worker = packer.add(worker);
  job.history = packer.add(history);
  accepted.reply_to = packer.add(reply_to);
  accepted.payload = Bytes(row.blob(11));  // by itself: the id may be kept for longer
  Result<JobHeaders> parsed = parse_headers(packer.add(headers));
  if (!parsed) return unreadable(parsed.error().text);
  accepted.headers = std::move(*parsed);
  accepted.headers.guarantee = true;
  accepted.accepted_at = Instant{row.integer(4)};
  accepted.due_at = job.due_at = Instant{row.integer(5)};
  accepted.expires_at = row.is_null(6) ? Instant::never() : Instant{row.integer(6)};
  job.attempt = small_count(row, 7);
  job.retries_used = small_count(row, 8);
  job.losses = small_count(row, 9);
  job.running = row.integer(13) != 0;
  accepted.backlog = row.integer(14) != 0;
  return job;
}

}  // namespace eventmq
