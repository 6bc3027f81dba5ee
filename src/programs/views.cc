#include "src/programs/views.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "src/programs/admin_command.h"
#include "src/programs/text_table.h"
#include "src/wire/text.h"

namespace eventmq {
namespace {

using Json = nlohmann::ordered_json;

const Json& rows_of(const Json& answer, const char* name) {
  static const Json kNone = Json::array();
  const auto found = answer.find(name);
  return found != answer.end() && found->is_array() ? *found : kNone;
}

const Json& object_of(const Json& answer, const char* name) {
  static const Json kNone = Json::object();
  const auto found = answer.find(name);
  return found != answer.end() && found->is_object() ? *found : kNone;
}

std::string count_of(const Json& json, const char* name) { return count_text(number_field(json, name)); }

TextTable::Cell alarming(const Json& row, const char* name, Style style) {
  return {count_of(row, name), number_field(row, name) > 0 ? style : Style::kPlain};
}

// Accepted = all that follow to `cancelled`, always.
TextTable queue_table() {
  using enum Align;
  return TextTable({{"QUEUE", kLeft},
                    {"ACCEPTED", kRight},
                    {"WAITING", kRight},
                    {"DELAYED", kRight},
                    {"RUNNING", kRight},
                    {"DONE", kRight},
                    {"DEAD", kRight},
                    {"EXPIRED", kRight},
                    {"CANCELLED", kRight},
                    {"RETRIES", kRight},
                    {"REFUSED", kRight},
                    {"WORKERS", kRight}});
}

void add_queue(TextTable& table, const std::string& name, const Json& row, const std::string& workers) {
  const bool unserved = workers == "0" && number_field(row, "waiting") > 0;
  table.add_row({name,
                 count_of(row, "accepted"),
                 {count_of(row, "waiting"), unserved ? Style::kWarning : Style::kPlain},
                 count_of(row, "delayed"),
                 count_of(row, "running"),
                 count_of(row, "done"),
                 alarming(row, "dead", Style::kBad),
                 alarming(row, "expired", Style::kWarning),
                 count_of(row, "cancelled"),
                 count_of(row, "retries"),
                 alarming(row, "refused", Style::kWarning),
                 {workers, unserved ? Style::kWarning : Style::kPlain}});
}

std::string queue_rows(const Json& answer, bool with_totals, bool colour) {
  TextTable table = queue_table();
  for (const Json& row : rows_of(answer, "queues"))
    add_queue(table, text_field(row, "name"), row, count_of(row, "workers"));
  if (with_totals) add_queue(table, "all", object_of(answer, "totals"), "");
  return table.text(colour);
}

std::string left_out_note(const Json& answer) {
  const double left_out = number_field(answer, "left_out");
  return left_out > 0 ? fmt::format("and {:.0f} more, left out here\n", left_out) : "";
}

std::string weights_text(const Json& queues) {
  std::string text;
  for (const Json& pair : queues) {
    if (!pair.is_array() || pair.size() != 2 || !pair[1].is_string()) continue;
    text += fmt::format("{}{},{}", text.empty() ? "" : " ", pair[0].dump(), pair[1].get<std::string>());
  }
  return text;
}

struct CounterNote {
  const char* name;
  const char* meaning;
};
constexpr CounterNote kNotes[] = {
    {"bad_messages", "messages were malformed and refused"},
    {"late_results", "results were set aside: their attempts were given up, or began before this router started"},
    {"excess_ready", "READY messages were beyond a worker's limit and dropped"},
    {"strangers", "messages came from workers that had not said INFORM"},
    {"undeliverable", "messages had a receiver that was gone"},
    {"unread", "messages were dropped because their receiver did not read"},
    {"peers_lost", "workers, schedulers or clients fell silent and were taken for gone"},
    {"connections_cut", "connections were closed because of what they sent or did not read"},
    {"handshakes_failed", "connections were closed because they did not speak ZeroMQ"},
    {"routing_ids_taken", "connections were refused since another one has their name"},
    {"connections_shed", "connections were closed because there were too many"},
    {"queues_refused", "jobs were refused because their queue would have been one too many"},
    {"results_dropped", "results in memory went before their time, for want of room"},
};

// The first few by name; the rest as one line.
std::string unserved_notes(const Json& status) {
  constexpr size_t kQueuesNamed = 5;
  std::string text;
  size_t unserved = 0;
  double more_jobs = 0;
  for (const Json& row : rows_of(status, "queues")) {
    if (number_field(row, "waiting") == 0 || number_field(row, "workers") > 0) continue;
    if (++unserved > kQueuesNamed) {
      more_jobs += number_field(row, "waiting");
      continue;
    }
    text += fmt::format("  no worker serves queue {}, and {} jobs wait there\n", safe_text(text_field(row, "name")),
                        count_of(row, "waiting"));
  }
  if (unserved <= kQueuesNamed) return text;
  return text + fmt::format("  and {} more queues that no worker serves, where {} jobs wait; `emq queues` lists them\n",
                            unserved - kQueuesNamed, count_text(more_jobs));
}

std::string notes(const Json& status) {
  std::string text = unserved_notes(status);
  const Json& counters = object_of(status, "counters");
  for (const CounterNote& note : kNotes) {
    if (number_field(counters, note.name) > 0)
      text += fmt::format("  {} {}\n", count_of(counters, note.name), note.meaning);
  }
  return text;
}

std::string store_text(const Json& status) {
  const Json& store = object_of(status, "store");
  const bool durable = store.value("durable", Json(false)) == Json(true);
  if (store.value("available", Json(true)) == Json(false)) {
    return text_field(store, "name") + ", NOT AVAILABLE, no guaranteed jobs are taken: " + text_field(store, "fault");
  }
  return text_field(store, "name") + (durable ? ", durable" : ", not durable: jobs are lost when the router stops");
}

}  // namespace

std::string status_view(const Json& status, bool colour) {
  const Json& peers = object_of(status, "peers");
  const std::string state = safe_text(text_field(status, "state"));
  std::string text = fmt::format(
      "router   {}, up {}, instance {}\n", styled(state, state == "running" ? Style::kGood : Style::kWarning, colour),
      duration_text(number_field(status, "uptime_seconds")), safe_text(text_field(status, "instance")));
  text += fmt::format("store    {}\n", safe_text(store_text(status)));
  text += fmt::format("memory   {} of {}\n", size_text(number_field(status, "memory_bytes")),
                      size_text(number_field(status, "memory_limit_bytes")));
  text += fmt::format("peers    {} workers, {} schedulers, {} clients\n\n", count_of(peers, "workers"),
                      count_of(peers, "schedulers"), count_of(peers, "clients"));
  text += queue_rows(status, true, colour);
  const std::string remarks = notes(status);
  return remarks.empty() ? text : text + "\nto note\n" + remarks;
}

std::string queues_view(const Json& answer, bool colour) {
  const std::string lacks = text_field(answer, "incomplete");
  const std::string note =
      lacks.empty() ? "" : fmt::format("the jobs in the store are not counted: {}\n", safe_text(lacks));
  if (rows_of(answer, "queues").empty()) return note.empty() ? "no queues yet\n" : note;
  return queue_rows(answer, false, colour) + left_out_note(answer) + note;
}

std::string workers_view(const Json& answer, bool colour) {
  if (rows_of(answer, "workers").empty()) return "no workers are connected\n";
  using enum Align;
  TextTable table({{"WORKER", kLeft},
                   {"STATE", kLeft},
                   {"FREE", kRight},
                   {"RUNNING", kRight},
                   {"PROCESSED", kRight},
                   {"CONNECTED", kRight},
                   {"SILENT", kRight},
                   {"QUEUES", kLeft}});
  for (const Json& row : rows_of(answer, "workers")) {
    const std::string state = text_field(row, "state");
    table.add_row({text_field(row, "id"),
                   {state, state == "active" ? Style::kGood : Style::kWarning},
                   count_of(row, "slots_free"),
                   count_of(row, "running"),
                   count_of(row, "processed"),
                   duration_text(number_field(row, "connected_seconds")),
                   duration_text(number_field(row, "silent_seconds")),
                   weights_text(rows_of(row, "queues"))});
  }
  return table.text(colour) + left_out_note(answer);
}

std::string schedulers_view(const Json& answer, bool colour) {
  if (rows_of(answer, "schedulers").empty()) return "no schedulers are connected\n";
  TextTable table({{"SCHEDULER"}, {"CONNECTED", Align::kRight}, {"SILENT", Align::kRight}});
  for (const Json& row : rows_of(answer, "schedulers")) {
    table.add_row({text_field(row, "id"), duration_text(number_field(row, "connected_seconds")),
                   duration_text(number_field(row, "silent_seconds"))});
  }
  return table.text(colour) + left_out_note(answer);
}

std::string jobs_view(const Json& answer, bool colour) {
  const Json& rows = rows_of(answer, "jobs");
  const std::string next = text_field(answer, "next");
  const std::string more = next.empty() ? "" : fmt::format("there may be more: --after {}\n", safe_text(next));
  if (rows.empty() && answer.contains("incomplete")) return "";  // what is there is not known
  if (rows.empty()) return more.empty() ? "no jobs\n" : more;
  using enum Align;
  TextTable table({{"JOB", kLeft},
                   {"NAME", kLeft},
                   {"QUEUE", kLeft},
                   {"STATE", kLeft},
                   {"CLASS", kLeft},
                   {"ATTEMPT", kRight},
                   {"PRIORITY", kRight},
                   {"AGE", kRight},
                   {"WORKER", kLeft}});
  for (const Json& row : rows) {
    const std::string state = text_field(row, "state");
    const bool for_store = text_field(row, "waits_for") == "store";
    const Style style = for_store ? Style::kWarning : state == "running" ? Style::kGood : Style::kPlain;
    table.add_row({text_field(row, "id"),
                   text_field(row, "name"),
                   text_field(row, "queue"),
                   {state + (for_store ? " for the store" : ""), style},
                   text_field(row, "class"),
                   count_of(row, "attempt"),
                   count_of(row, "priority"),
                   duration_text(number_field(row, "age_seconds")),
                   text_field(row, "worker")});
  }
  return table.text(colour) + more;
}

namespace {

// Of a field of a job: a moment as people read it, a number with one digit, or as it stands.
std::string shown_value(const std::string& name, const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_number_float()) return value.dump(-1, ' ', false, Json::error_handler_t::replace);
  const bool moment = name.ends_with("_at") || name.ends_with("_until");
  return moment ? moment_text(value.get<double>()) : fmt::format("{:.1f}", value.get<double>());
}

std::string history_table(const Json& job, bool colour) {
  using enum Align;
  TextTable table({{"ATTEMPT", kRight}, {"ENDED", kRight}, {"TOOK", kRight}, {"OUTCOME"}, {"WORKER"}, {"ERROR"}});
  for (const Json& attempt : rows_of(job, "history")) {
    table.add_row({count_of(attempt, "attempt"), duration_text(number_field(attempt, "ended_seconds_ago")) + " ago",
                   duration_text(number_field(attempt, "took_seconds")), text_field(attempt, "outcome"),
                   text_field(attempt, "worker"), text_field(attempt, "error")});
  }
  return table.empty() ? "" : "\n" + table.text(colour);
}

}  // namespace

std::string job_view(const Json& job, bool colour) {
  size_t width = 0;
  for (const auto& [name, value] : job.items()) {
    if (name != "history") width = std::max(width, columns(name));
  }
  std::string text;
  for (const auto& [name, value] : job.items()) {
    if (name == "history") continue;
    std::string title = safe_text(name);
    std::ranges::replace(title, '_', ' ');
    const std::string blanks(width - columns(name) + 2, ' ');
    const std::string shown = shown_value(name, value);
    if (!shown.empty()) text += styled(title, Style::kBold, colour) + blanks + safe_text(shown) + "\n";
  }
  return text + history_table(job, colour);
}

std::string dead_view(const Json& answer, bool colour) {
  constexpr size_t kErrorShown = 60;
  if (rows_of(answer, "dead").empty()) return "no dead letters\n";
  using enum Align;
  TextTable table({{"JOB", kLeft},
                   {"NAME", kLeft},
                   {"QUEUE", kLeft},
                   {"CAUSE", kLeft},
                   {"DIED", kRight},
                   {"ATTEMPTS", kRight},
                   {"ERROR", kLeft}});
  for (const Json& row : rows_of(answer, "dead")) {
    table.add_row({text_field(row, "id"),
                   text_field(row, "name"),
                   text_field(row, "queue"),
                   {text_field(row, "cause"), Style::kBad},
                   duration_text(number_field(row, "died_seconds_ago")) + " ago",
                   count_of(row, "attempts"),
                   std::string(utf8_prefix(repaired_utf8(text_field(row, "error")), kErrorShown))});
  }
  if (!answer.contains("next")) return table.text(colour);
  return table.text(colour) + fmt::format("there are more: --after {}\n", count_of(answer, "next"));
}

}  // namespace eventmq
