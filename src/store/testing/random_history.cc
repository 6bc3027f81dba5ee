#include "src/store/testing/random_history.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include "src/base/assert.h"

namespace eventmq {
namespace {

constexpr std::array<std::string_view, 4> kQueues = {"default", "reports", "Größe ✓ 'quoted'", "a"};
constexpr std::array<std::string_view, 5> kHeaders = {"guarantee", "", "guarantee,priority:9,reply-requested",
                                                      "unique:x, guarantee,unknown:1", "guarantee,retry-count:5"};
constexpr std::array<std::string_view, 3> kNames = {"", "reports.build", "größe.messen"};
constexpr std::array kOutcomes = {Outcome::kOk,      Outcome::kOk,        Outcome::kError,
                                  Outcome::kTimeout, Outcome::kKilled,    Outcome::kLost,
                                  Outcome::kExpired, Outcome::kCancelled, Outcome::kUnknownJob};

template <class List>
auto one_of(Prng& prng, const List& list) {
  return list[prng.below(list.size())];
}

}  // namespace

std::vector<JobRecord> RandomHistory::commit() {
  now_ = now_ + milliseconds(static_cast<int64_t>(prng_.below(3000)));
  std::vector<JobRecord> records;
  const uint64_t count = 1 + prng_.below(5);
  while (records.size() < count) add_record(records);
  change_results(records);
  return records;
}

// Of few ids, so that one takes the place of another; some for a time that is soon over.
void RandomHistory::change_results(std::vector<JobRecord>& records) {
  const size_t ended = static_cast<size_t>(
      std::ranges::count_if(records, [](const JobRecord& record) { return std::holds_alternative<JobEnded>(record); }));
  for (size_t i = 0; i < ended && result_prng_.chance(60); ++i) {
    Bytes id(fmt::format("result-{}", result_prng_.below(30)));
    if (result_prng_.chance(20)) {
      records.emplace_back(ResultRemoved{std::move(id)});
      continue;
    }
    ResultKept result{std::move(id), Bytes(one_of(result_prng_, kQueues)), Bytes(one_of(result_prng_, kNames)),
                      one_of(result_prng_, kOutcomes), static_cast<uint32_t>(result_prng_.below(9))};
    result.accepted_at = now_ - seconds(static_cast<int64_t>(result_prng_.below(100)));
    result.ended_at = now_;
    result.until = now_ + (result_prng_.chance(30) ? milliseconds(500) : seconds(1'000'000));
    result.history = Bytes(result_prng_.chance(50) ? "1\t2\t3\terror\tworker\twrong\n" : "");
    result.value = random_bytes(result_prng_);
    records.emplace_back(std::move(result));
  }
}

void RandomHistory::add_record(std::vector<JobRecord>& records) {
  if (live_.empty() || prng_.chance(35)) return records.emplace_back(accept()), void();
  if (prng_.chance(5)) return records.emplace_back(remember()), void();
  if (!dead_.empty() && prng_.chance(5)) return records.emplace_back(remove_letter()), void();
  auto job = live_.lower_bound(1 + prng_.below(last_key_));
  if (job == live_.end()) job = std::prev(job);
  const auto [key, life] = *job;
  if (prng_.chance(40)) return records.push_back(end(key)), void();
  records.push_back(life.running ? requeue(key, job->second) : start(key, job->second));
}

JobAccepted RandomHistory::accept() {
  JobAccepted job;
  job.key = last_key_ += 1 + prng_.below(2);
  job.id = Bytes(fmt::format("job-{}", job.key));
  job.queue = Bytes(one_of(prng_, kQueues));
  const Result<JobHeaders> headers = parse_headers(Bytes(one_of(prng_, kHeaders)));
  EMQ_ASSERT(headers.has_value());
  job.headers = *headers;
  job.payload = random_bytes();
  job.accepted_at = now_;
  // No longer: a job may be started here before it is due, which tells the store of a clock that was set back.
  job.due_at = prng_.chance(30) ? now_ + seconds(1) : now_;
  job.expires_at = prng_.chance(30) ? now_ + seconds(60) : Instant::never();
  if (prng_.chance(40)) {
    job.backlog = true;
    if (prng_.chance(50)) job.reply_to = random_bytes();
  }
  live_[job.key] = {job.id, job.queue, job.headers.priority};
  return job;
}

JobRecord RandomHistory::start(JobKey key, Live& job) {
  job.running = true;
  return AttemptStarted{key, job.id, ++job.attempt, job.losses, random_bytes()};
}

JobRecord RandomHistory::requeue(JobKey key, Live& job) {
  job.running = false;
  switch (prng_.below(3)) {
    case 0:
      --job.attempt;  // handed back
      break;
    case 1:
      ++job.losses;
      break;
    default:
      ++job.retries_used;
  }
  JobRequeued record{key, job.id, job.attempt, job.retries_used, job.losses, now_ + seconds(1)};
  if (prng_.chance(40)) {
    record.backlog = true;
    record.priority = job.priority;
    if (prng_.chance(50)) record.reply_to = random_bytes();
  }
  record.history = random_text();
  return record;
}

JobRecord RandomHistory::end(JobKey key) {
  const Live job = live_.at(key);
  live_.erase(key);
  const bool wanted = prng_.chance(50);
  JobEnded record{key, job.id, job.queue, one_of(prng_, kOutcomes), job.attempt, now_, wanted, random_bytes()};
  if (!is_dead(record.outcome)) return record;
  dead_.push_back(key);
  record.name = Bytes(one_of(prng_, kNames));
  record.error = random_text();
  record.losses = job.losses;
  record.history = random_text();
  return record;
}

DeadLetterRemoved RandomHistory::remove_letter() {
  std::swap(dead_[prng_.below(dead_.size())], dead_.back());
  const JobKey key = dead_.back();
  dead_.pop_back();
  return {key};
}

IdRemembered RandomHistory::remember() {
  const bool wanted = prng_.chance(50);
  return {Bytes(fmt::format("shared-{}", prng_.below(1000))), one_of(prng_, kOutcomes), now_, wanted, random_bytes()};
}

Bytes RandomHistory::random_text() {
  std::string text(prng_.below(300), '\0');
  for (char& byte : text) byte = static_cast<char>(' ' + prng_.below(95));
  return Bytes(text);
}

// Mostly short, now and then on several pages; any bytes.
Bytes RandomHistory::random_bytes(Prng& prng) {
  const uint64_t longest = prng.chance(3) ? 60'000 : prng.chance(10) ? 4'000 : 60;
  std::string text(prng.below(longest), '\0');
  for (char& byte : text) byte = static_cast<char>(prng.below(256));
  return Bytes(text);
}

}  // namespace eventmq
