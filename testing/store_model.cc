#include "testing/store_model.h"

#include <fmt/format.h>

#include <algorithm>

#include "src/base/siphash.h"

namespace eventmq {
namespace {

StoredQueue& queue_of(std::vector<StoredQueue>& queues, const Bytes& name) {
  for (StoredQueue& queue : queues) {
    if (queue.name == name) return queue;
  }
  queues.push_back({.name = name});
  return queues.back();
}

// A payload as its size and what tells it from others of that size.
std::string summary(const Bytes& bytes) { return fmt::format("{}:{:x}", bytes.size(), siphash(1, 2, bytes.view())); }

std::string time_text(Instant at) { return at == Instant::never() ? "never" : fmt::format("{}", at.us); }

}  // namespace

void StoreModel::apply(const JobRecord& record) {
  std::visit([this](const auto& specific) { add(specific); }, record);
}

void StoreModel::add(const JobAccepted& record) {
  Row& row = jobs_[record.key];
  row = {{.accepted = record, .due_at = record.due_at}, record.backlog, record.reply_to};
  last_key_ = std::max(last_key_, record.key);
  ++queue_of(queues_, record.queue).accepted;
}

void StoreModel::add(const AttemptStarted& record) {
  const auto found = jobs_.find(record.key);
  if (found == jobs_.end()) return;
  found->second.backlog = false;
  StoredJob& job = found->second.job;
  job.running = true;
  job.attempt = record.attempt;
  job.losses = record.losses;
  job.worker = record.worker;
}

void StoreModel::add(const JobRequeued& record) {
  const auto found = jobs_.find(record.key);
  if (found == jobs_.end()) return;
  found->second.backlog = record.backlog;
  found->second.reply_to = record.reply_to;
  StoredJob& job = found->second.job;
  job.running = false;
  job.attempt = record.attempt;
  job.retries_used = record.retries_used;
  job.losses = record.losses;
  job.due_at = record.due_at;
  job.history = record.history;
}

void StoreModel::add(const JobEnded& record) {
  const auto found = jobs_.find(record.key);
  if (found == jobs_.end()) return;
  const JobAccepted job = std::move(found->second.job.accepted);
  jobs_.erase(found);
  if (is_dead(record.outcome)) {
    dead_.push_back({++deaths_, job.key, job.id, job.queue, record.name, record.outcome, record.error, job.accepted_at,
                     record.ended_at, record.attempts, record.losses, record.history, job.headers.text,
                     job.payload.size(), job.payload});
  }
  StoredQueue& queue = queue_of(queues_, record.queue);
  const std::map<Outcome, uint64_t*> counts = {
      {Outcome::kOk, &queue.done}, {Outcome::kExpired, &queue.expired}, {Outcome::kCancelled, &queue.cancelled}};
  const auto count = counts.find(record.outcome);
  ++*(count == counts.end() ? &queue.dead : count->second);
  ended_.push_back(
      {record.id, record.outcome, record.ended_at, record.reply_wanted, record.reply_wanted ? record.result : Bytes()});
}

void StoreModel::add(const IdRemembered& record) {
  ended_.push_back(
      {record.id, record.outcome, record.ended_at, record.reply_wanted, record.reply_wanted ? record.result : Bytes()});
}

void StoreModel::add(const DeadLetterRemoved& record) {
  std::erase_if(dead_, [&](const DeadLetter& letter) { return letter.key == record.key; });
}

DeadLetters StoreModel::dead(const DeadQuery& query) const {
  const auto is_or_any = [](const Bytes& wanted, const Bytes& found) { return wanted.empty() || wanted == found; };
  DeadLetters found;
  uint64_t bytes = 0;
  for (DeadLetter letter : dead_) {
    const bool wanted = letter.number > query.after && is_or_any(query.id, letter.id) &&
                        is_or_any(query.queue, letter.queue) && is_or_any(query.name, letter.name) &&
                        query.cause.value_or(letter.cause) == letter.cause && letter.ended_at >= query.from &&
                        letter.ended_at <= query.until;
    if (!wanted) continue;
    if (query.payloads) bytes += letter.payload_bytes;
    found.more =
        found.letters.size() == query.letters || (!found.letters.empty() && query.payloads && bytes > query.bytes);
    if (found.more) return found;
    if (!query.payloads) letter.payload = Bytes();
    found.letters.push_back(std::move(letter));
  }
  return found;
}

// As a store gives it back: some of what the records say is in other places then.
StoredJob StoreModel::stored(const Row& row) {
  StoredJob job = row.job;
  job.accepted.due_at = job.due_at;
  job.accepted.headers.guarantee = true;
  job.accepted.backlog = row.backlog;
  job.accepted.reply_to = row.backlog ? row.reply_to : Bytes();
  return job;
}

void StoreModel::add_lanes(StoredQueue& queue) const {
  std::map<uint8_t, StoredLane> lanes;
  for (const auto& [key, row] : jobs_) {
    if (!row.backlog || row.job.accepted.queue != queue.name) continue;
    StoredLane& lane = lanes[row.job.accepted.headers.priority];
    lane.priority = row.job.accepted.headers.priority;
    ++(row.job.due_at > row.job.accepted.accepted_at ? lane.delayed : lane.waiting);
    lane.next_due = std::min(lane.next_due, row.job.due_at);
    queue.next_expiry = std::min(queue.next_expiry, row.job.accepted.expires_at);
  }
  for (const auto& [priority, lane] : lanes) queue.lanes.push_back(lane);
}

StoredState StoreModel::state(Instant now, Retention limits) const {
  StoredState state;
  state.last_key = last_key_;
  state.dead_letters = dead_.size();
  state.queues = queues_;
  for (StoredQueue& queue : state.queues) add_lanes(queue);
  for (const auto& [key, row] : jobs_) {
    if (!row.backlog) state.jobs.push_back(stored(row));
  }
  const size_t number = std::min<size_t>(ended_.size(), limits.ids);
  for (size_t i = ended_.size() - number; i < ended_.size(); ++i) {
    if (ended_[i].ended_at + limits.window > now) state.ended.push_back(ended_[i]);
  }
  for (const StoredJob& job : backlog()) {
    if (job.accepted.accepted_at + limits.window > now) {
      state.backlog.push_back({job.accepted.id, job.accepted.accepted_at});
    }
  }
  if (state.backlog.size() > limits.ids) {
    state.backlog.erase(state.backlog.begin(), state.backlog.end() - static_cast<ptrdiff_t>(limits.ids));
  }
  return state;
}

std::vector<StoredJob> StoreModel::backlog() const {
  std::vector<StoredJob> jobs;
  for (const auto& [key, row] : jobs_) {
    if (row.backlog) jobs.push_back(stored(row));
  }
  return jobs;
}

bool StoreModel::is_asked_for(const Row& row, const BacklogClaim& claim) {
  const JobAccepted& job = row.job.accepted;
  switch (claim.which) {
    case BacklogClaim::Which::kDue:
      return job.headers.priority == claim.priority && row.job.due_at <= claim.now &&
             LanePlace{row.job.due_at, job.key} > claim.after;
    case BacklogClaim::Which::kExpired:
      return job.expires_at <= claim.now;
    case BacklogClaim::Which::kKeys:
      return false;  // claim_keys
  }
  return false;
}

void StoreModel::claim_keys(BacklogClaimed& claimed) const {
  uint64_t bytes = 0;
  for (const JobKey key : claimed.claim.keys) {
    const auto found = jobs_.find(key);
    const bool there =
        found != jobs_.end() && found->second.backlog && found->second.job.accepted.queue == claimed.claim.queue;
    if (there) {
      bytes += found->second.job.accepted.payload.size();
      if (!claimed.jobs.empty() && bytes > claimed.claim.bytes) return;
      claimed.jobs.push_back(stored(found->second));
    }
    ++claimed.keys_done;
  }
}

BacklogClaimed StoreModel::claim(const BacklogClaim& claim) const {
  std::vector<const Row*> queue;
  for (const auto& [key, row] : jobs_) {
    if (row.backlog && row.job.accepted.queue == claim.queue) queue.push_back(&row);
  }
  const auto place = [&](const Row* row) {
    const bool by_expiry = claim.which == BacklogClaim::Which::kExpired;
    return LanePlace{by_expiry ? row->job.accepted.expires_at : row->job.due_at, row->job.accepted.key};
  };
  std::sort(queue.begin(), queue.end(), [&](const Row* a, const Row* b) { return place(a) < place(b); });
  BacklogClaimed claimed{.claim = claim};
  uint64_t bytes = 0;
  bool full = false;
  for (const Row* row : queue) {
    const JobAccepted& job = row->job.accepted;
    const bool wanted = is_asked_for(*row, claim);
    full = full || (wanted && (claimed.jobs.size() == claim.jobs ||
                               (!claimed.jobs.empty() && bytes + job.payload.size() > claim.bytes)));
    const bool taken = wanted && !full;
    if (taken) {
      bytes += job.payload.size();
      claimed.jobs.push_back(stored(*row));
    }
    const bool behind = job.headers.priority == claim.priority && place(row) > claim.after;
    if (claim.which == BacklogClaim::Which::kDue && behind && !taken) {
      claimed.next_due = std::min(claimed.next_due, row->job.due_at);
    }
    if (claim.which != BacklogClaim::Which::kExpired || !taken) {
      claimed.next_expiry = std::min(claimed.next_expiry, job.expires_at);
    }
  }
  if (claim.which == BacklogClaim::Which::kKeys) claim_keys(claimed);
  return claimed;
}

std::optional<FoundResult> StoreModel::result(const StoreQuestion& question) const {
  const auto found = results_.find(question.id.str());
  if (!question.result_bytes || found == results_.end() || found->second.until <= question.now) return std::nullopt;
  FoundResult result{found->second, found->second.value.size()};
  result.kept.value = Bytes(result.kept.value.view().substr(0, *question.result_bytes));
  return result;
}

StoreAnswer StoreModel::answer(const StoreQuestion& question) const {
  StoreAnswer answer{.number = question.number};
  if (question.dead) answer.dead = dead(*question.dead);
  answer.result = result(question);
  for (const Bytes& id : question.ends) {
    const auto newest =
        std::find_if(ended_.rbegin(), ended_.rend(), [&](const StoredEnd& end) { return end.id == id; });
    if (newest != ended_.rend()) answer.ends.push_back(*newest);
  }
  if (answer.result) return answer;
  uint64_t visited = 0;
  for (const StoredJob& job : backlog()) {
    if (job.accepted.key <= question.behind) continue;
    if (visited == question.visits || answer.jobs.size() == question.rows) break;
    ++visited;
    answer.next = job.accepted.key;
    const bool due = job.due_at <= question.now;
    if (!question.id.empty() && question.id != job.accepted.id) continue;
    if (!question.queue.empty() && question.queue != job.accepted.queue) continue;
    if (question.due && *question.due != due) continue;
    answer.jobs.push_back({job, job.accepted.payload.size()});
    answer.jobs.back().job.accepted.payload = Bytes(job.accepted.payload.view().substr(0, kListedBytes));
  }
  if (visited < question.visits && answer.jobs.size() < question.rows) answer.next = 0;
  return answer;
}

namespace {

std::string text_of(const StoredEnd& end) {
  return fmt::format("ended {} {} at {} wanted {} result {}\n", end.id.view(), outcome_word(end.outcome),
                     end.ended_at.us, end.reply_wanted, summary(end.result));
}

std::string text_of(const StoredJob& job) {
  const JobAccepted& a = job.accepted;
  std::string text =
      fmt::format("job {} {} in {} [{}] guarantee {} priority {} payload {} accepted {} due {} {} expires {}", a.key,
                  a.id.view(), a.queue.view(), a.headers.text.view(), a.headers.guarantee, a.headers.priority,
                  summary(a.payload), a.accepted_at.us, a.due_at.us, job.due_at.us, time_text(a.expires_at));
  text += fmt::format(" running {} attempt {} retries {} losses {} worker {} backlog {} reply to {} history {}\n",
                      job.running, job.attempt, job.retries_used, job.losses, summary(job.worker), a.backlog,
                      summary(a.reply_to), summary(job.history));
  return text;
}

}  // namespace

std::string text_of(const StoredState& state) {
  std::string text = fmt::format("last key {}, {} dead letters\n", state.last_key, state.dead_letters);
  std::vector<std::string> queues;
  for (const StoredQueue& q : state.queues) {
    std::string lanes;
    for (const StoredLane& lane : q.lanes) {
      lanes += fmt::format(", priority {}: {} waiting {} delayed from {}", lane.priority, lane.waiting, lane.delayed,
                           time_text(lane.next_due));
    }
    queues.push_back(fmt::format("queue {}: {} accepted, {} done, {} dead, {} expired, {} cancelled, expiry {}{}\n",
                                 q.name.view(), q.accepted, q.done, q.dead, q.expired, q.cancelled,
                                 time_text(q.next_expiry), lanes));
  }
  std::sort(queues.begin(), queues.end());
  for (const std::string& queue : queues) text += queue;
  for (const StoredJob& job : state.jobs) text += text_of(job);
  for (const StoredEnd& end : state.ended) text += text_of(end);
  for (const BacklogId& job : state.backlog) {
    text += fmt::format("in the backlog {} since {}\n", job.id.view(), job.accepted_at.us);
  }
  return text;
}

std::string text_of(const StoreAnswer& answer) {
  std::string text = fmt::format("{}: next {}{}\n", answer.number, answer.next, answer.error ? answer.error->text : "");
  for (const ListedJob& listed : answer.jobs) text += fmt::format("{} ", listed.payload_bytes) + text_of(listed.job);
  std::vector<std::string> ends;
  for (const StoredEnd& end : answer.ends) ends.push_back(text_of(end));
  std::sort(ends.begin(), ends.end());
  for (const std::string& end : ends) text += end;
  return text + text_of(answer.dead) + (answer.result ? text_of(*answer.result) : "");
}

std::string text_of(const FoundResult& result) {
  const ResultKept& kept = result.kept;
  return fmt::format(
      "result of {} in {} name {} outcome {} attempts {} accepted {} ended {} until {} history {} value {} "
      "of {}\n",
      kept.id.view(), kept.queue.view(), kept.name.view(), outcome_word(kept.outcome), kept.attempts,
      kept.accepted_at.us, kept.ended_at.us, kept.until.us, summary(kept.history), summary(kept.value),
      result.value_bytes);
}

std::string text_of(const BacklogClaimed& claimed) {
  std::string text;
  for (const StoredJob& job : claimed.jobs) text += text_of(job);
  return text + fmt::format("{} keys, next due {}, next expiry {}\n", claimed.keys_done, time_text(claimed.next_due),
                            time_text(claimed.next_expiry));
}

std::string text_of(const DeadLetters& letters) {
  std::string text;
  for (const DeadLetter& l : letters.letters) {
    text += fmt::format("dead {}: {} {} in {} name {} cause {} error {} accepted {} ended {} attempts {} losses {} ",
                        l.number, l.key, l.id.view(), l.queue.view(), l.name.view(), outcome_word(l.cause),
                        summary(l.error), l.accepted_at.us, l.ended_at.us, l.attempts, l.losses);
    text += fmt::format("history {} headers [{}] bytes {} payload {}\n", summary(l.history), l.headers.view(),
                        l.payload_bytes, summary(l.payload));
  }
  return text + (letters.more ? "and more\n" : "");
}

}  // namespace eventmq
