// The commands, in the order in which the overview shows them.
#include "src/programs/command.h"

namespace eventmq {
namespace {

FlagSpec flag(std::vector<std::string> names, std::string help) {
  return {.names = std::move(names), .kind = FlagKind::kSwitch, .help = std::move(help)};
}

FlagSpec valued(std::vector<std::string> names, std::string word, std::string help) {
  return {.names = std::move(names), .kind = FlagKind::kValue, .value_word = std::move(word), .help = std::move(help)};
}

FlagSpec config_flag() {
  return valued({"-C", "--config"}, "FILE",
                "The settings file; else EVENTMQ_CONFIG_FILE, or /etc/eventmq.conf if it exists.");
}

FlagSpec json_flag() { return flag({"--json"}, "Print JSON."); }

std::vector<FlagSpec> broker_flags() {
  return {
      valued({"-b", "--broker"}, "ADDRESS", "The router's frontend; else EMQ_BROKER_ADDR, or frontend_listen_addr."),
      config_flag()};
}

std::vector<FlagSpec> admin_flags(std::vector<FlagSpec> more = {}) {
  std::vector<FlagSpec> flags = std::move(more);
  flags.push_back(valued({"-a", "--addr"}, "ADDRESS",
                         "The router's administrative address; else EMQ_ADMIN_ADDR, or administrative_listen_addr."));
  flags.push_back(valued({"--reply-timeout"}, "SECONDS", "How long to wait for the router's answer; more than 0. [5]"));
  flags.push_back(config_flag());
  return flags;
}

std::vector<FlagSpec> with(std::vector<FlagSpec> flags, const std::vector<FlagSpec>& more) {
  flags.insert(flags.end(), more.begin(), more.end());
  return flags;
}

Command up_command() {
  return {
      .name = "up",
      .summary = "Start a router and a job manager on this machine, and keep them running.",
      .details =
          "Ctrl-C stops the job manager, which finishes its jobs, and then the router. Jobs that still wait are in the "
          "store if they are guaranteed, and are lost otherwise, as the log says; emq shutdown lets them run first, "
          "for up to drain_timeout. A "
          "second Ctrl-C, half a second later or more, kills the job manager with its jobs, and the router stops once "
          "what it writes is on disk; a third kills that too. A part that dies is started again. The job manager "
          "connects to this router unless "
          "--connect-addr says "
          "otherwise.",
      .flags = {valued({"--jobmanagers"}, "N", "How many job managers to start. [1]")},
      .sections = {Section::kRouter, Section::kJobmanager},
      .examples = {"emq up --load libexample_jobs.so", "emq up -Q 10,default 20,high -J 8"},
      .run = run_up,
      .serves = true};
}

Command router_command() {
  return {.name = "router",
          .summary = "Run the router: it takes jobs from clients and gives them to job managers.",
          .details = "TERM and INT let the jobs that it holds end, then stop it; HUP reads the settings again.",
          .sections = {Section::kRouter},
          .examples = {"emq router -F tcp://0.0.0.0:47291 -B tcp://0.0.0.0:47290"},
          .run = run_router,
          .serves = true};
}

Command jobmanager_command() {
  return {.name = "jobmanager",
          .summary = "Run a job manager: a pool of worker processes that run jobs.",
          .details = "TERM and INT let running jobs end, hand back the others, then stop it.",
          .sections = {Section::kJobmanager},
          .examples = {"emq jobmanager --load ./libjobs.so -Q 10,default 20,high -J 8"},
          .run = run_jobmanager,
          .serves = true};
}

std::vector<FlagSpec> send_flags() {
  return {
      valued({"--kwargs"}, "JSON", "Named arguments, as a JSON object."),
      valued({"-q", "--queue"}, "NAME", "The queue; else the router's default queue."),
      flag({"-g", "--guarantee"}, "See the job through even if a worker or this program goes away."),
      valued({"--retry-count"}, "N", "Run a failed job again, up to N times. [0]"),
      valued({"--timeout"}, "SECONDS",
             "Kill an attempt that runs longer; 0: never. Else global_timeout of the job manager holds."),
      valued({"--delay"}, "SECONDS", "Do not start it before this time has passed."),
      valued({"--expires"}, "SECONDS",
             "Drop it if it has not started within this time; 0: if it cannot start at once."),
      valued({"--priority"}, "0-9", "Higher goes first. [4]"),
      valued({"--result-ttl"}, "SECONDS",
             "Keep what it ends with for so long, to be shown by `emq jobs show`; 2h, up to 30d. [0]"),
      flag({"-w", "--wait"}, "Wait for the job to end, and print what it returned."),
      valued(
          {"--wait-timeout"}, "SECONDS",
          "Wait at most so long, then exit with 4, or with 3 if no router has taken the job by then; 0: as long as it "
          "takes. Implies --wait."),
      flag({"--progress"}, "Show the progress that the job reports; implies --wait."),
      valued({"--reply-timeout"}, "SECONDS",
             "How long the router may take to accept the job; 0: as long as it takes. [5]"),
      valued({"--outage-timeout"}, "SECONDS",
             "With --wait: a router that went away has so long to come back; then exit with 3. 0: as long as it "
             "takes. [60]"),
      json_flag()};
}

Command send_command() {
  return {.name = "send",
          .summary = "Hand in a job; print its id, or with --wait what it returned.",
          .details =
              "An argument that is JSON is passed as that, anything else as text: 2 is a number, '\"2\"' and two are "
              "texts, and so is a whole number of more than 64 bits, which would lose digits. A text result is printed "
              "as it is, any other as JSON. An argument that begins with - and is no "
              "number goes behind --.",
          .arguments = {{"NAME", "The job's name, as math.add."},
                        {"ARGUMENT", "What to call it with.", ArgumentCount::kAny}},
          .flags = with(send_flags(), broker_flags()),
          .examples = {"emq send math.add 2 3 --wait",
                       "emq send reports.build '{\"year\": 2026}' --queue reports --guarantee",
                       "emq send text.upper --kwargs '{\"text\": \"hello\"}' --wait"},
          .run = run_send};
}

std::vector<FlagSpec> jobs_flags(std::vector<FlagSpec> more) {
  std::vector<FlagSpec> flags = {
      valued({"-q", "--queue"}, "NAME", "Only jobs of this queue."),
      valued({"--state"}, "STATE", "Only delayed, waiting or running jobs."),
      valued({"--name"}, "NAME", "Only jobs of this name."),
      valued({"--older-than"}, "SECONDS", "Only those that were accepted longer ago; 2h, 7d.")};
  flags.insert(flags.end(), more.begin(), more.end());
  flags.push_back(json_flag());
  return admin_flags(std::move(flags));
}

std::vector<Command> looking_commands() {
  const std::vector<ArgumentSpec> id = {{"ID", "The job's id, as `emq send` printed it."}};
  const std::vector<ArgumentSpec> maybe_id = {
      {"ID", "The job's id, as `emq send` printed it; else those of the flags.", ArgumentCount::kOptional}};
  const FlagSpec all = flag({"--all"}, "Every job that has not ended.");
  return {
      {.name = "status",
       .summary = "Show the router's state and counters.",
       .flags = admin_flags({json_flag()}),
       .run = run_status},
      {.name = "queues", .summary = "List the queues.", .flags = admin_flags({json_flag()}), .run = run_queues},
      {.name = "workers",
       .summary = "List the connected job managers.",
       .flags = admin_flags({json_flag()}),
       .run = run_workers},
      {.name = "schedulers",
       .summary = "List the connected schedulers.",
       .flags = admin_flags({json_flag()}),
       .run = run_schedulers},
      {.name = "jobs list",
       .summary = "List the jobs that the router holds.",
       .flags = jobs_flags({valued({"--limit"}, "N", "At most so many. [100]"),
                            valued({"--after"}, "PLACE", "Go on where a page ended, as it said.")}),
       .examples = {"emq jobs list --queue reports --state waiting"},
       .run = run_jobs_list},
      {.name = "jobs show",
       .summary = "Show all about one job.",
       .details = "Of one that has ended only what it ended with, for a short while or, with the value, for the "
                  "--result-ttl that it was sent with.",
       .arguments = id,
       .flags = admin_flags({json_flag()}),
       .run = run_jobs_show},
      {.name = "jobs explain",
       .summary = "Say why a job is where it is.",
       .arguments = id,
       .flags = admin_flags({json_flag()}),
       .run = run_jobs_explain},
      {.name = "jobs cancel",
       .summary = "Cancel a job, or many.",
       .details = "A waiting job ends at once; of a running one the worker is told to stop it. By the flags, jobs that "
                  "come after the command began are not meant.",
       .arguments = maybe_id,
       .flags = jobs_flags({all}),
       .examples = {"emq jobs cancel the-id", "emq jobs cancel --queue reports --older-than 1d"},
       .run = run_jobs_cancel},
      {.name = "jobs retry",
       .summary = "Run a job now that is delayed, waits out its backoff, or is a dead letter; or many.",
       .details = "Its attempts and retries count on; of a dead letter they begin anew, as with `emq dead retry`. By "
                  "the flags, only those that are delayed or wait out their backoff.",
       .arguments = maybe_id,
       .flags = jobs_flags({all}),
       .examples = {"emq jobs retry the-id", "emq jobs retry --queue reports"},
       .run = run_jobs_retry},
      {.name = "jobs delete",
       .summary = "Remove a job that has not started, or what one left that has ended; or many that have not started.",
       .details = "Whoever waits for a job that is removed is told that it was cancelled. One that runs is refused: "
                  "cancel it. Of one that has ended its dead letter and its result are removed.",
       .arguments = maybe_id,
       .flags = jobs_flags({all}),
       .examples = {"emq jobs delete the-id", "emq jobs delete --queue reports --state waiting"},
       .run = run_jobs_delete}};
}

std::vector<FlagSpec> dead_filters(std::vector<FlagSpec> more) {
  std::vector<FlagSpec> flags = {valued({"-q", "--queue"}, "NAME", "Only jobs of this queue."),
                                 valued({"--name"}, "NAME", "Only jobs of this name."),
                                 valued({"--cause"}, "CAUSE", "Only error, timeout, killed, lost or unknown-job."),
                                 valued({"--older-than"}, "SECONDS", "Only those that died longer ago; 2h, 7d."),
                                 valued({"--newer-than"}, "SECONDS", "Only those that died since.")};
  flags.insert(flags.end(), more.begin(), more.end());
  return admin_flags(std::move(flags));
}

std::vector<Command> dead_commands() {
  const FlagSpec all = flag({"--all"}, "Every dead letter.");
  const std::vector<ArgumentSpec> id = {{"ID", "The job's id."}};
  const std::vector<ArgumentSpec> maybe_id = {
      {"ID", "The job's id; else those of the flags.", ArgumentCount::kOptional}};
  return {
      {.name = "dead list",
       .summary = "List the guaranteed jobs that ended without success, oldest first.",
       .details = "They are kept for dead_retention. Others leave only their counts.",
       .flags = dead_filters({valued({"--limit"}, "N", "At most so many, up to 1000. [100]"),
                              valued({"--after"}, "NUMBER", "Go on behind the last one of a listing."), json_flag()}),
       .examples = {"emq dead list --cause killed --newer-than 1d"},
       .run = run_dead_list},
      {.name = "dead show",
       .summary = "Show all about one of them: its message, its cause, and how its attempts ended.",
       .arguments = id,
       .flags = admin_flags({json_flag()}),
       .run = run_dead_show},
      {.name = "dead retry",
       .summary = "Run them again, as new jobs with the same id.",
       .details = "Retries and deliveries are counted from the start. One whose id is that of a job which the router "
                  "holds stays as it is; the exit code is then 1.",
       .arguments = maybe_id,
       .flags = dead_filters({all, json_flag()}),
       .examples = {"emq dead retry the-id", "emq dead retry --queue reports --cause timeout"},
       .run = run_dead_retry},
      {.name = "dead delete",
       .summary = "Delete them for good.",
       .arguments = maybe_id,
       .flags = dead_filters({all, json_flag()}),
       .examples = {"emq dead delete --older-than 7d"},
       .run = run_dead_delete}};
}

Command verify_command() {
  return {
      .name = "verify",
      .summary = "Check the file of guaranteed jobs and the router's counts.",
      .details =
          "Works beside a router, after one that was stopped or killed, and on a copy; it changes nothing. Each "
          "problem "
          "is a line that says what mends it, and the exit code is then 1. If a router answers, its own counts are "
          "checked too. A large file takes as long as it takes to read it, and if a router runs, its log grows "
          "meanwhile; --quick helps.",
      .flags = admin_flags({valued({"--data-dir"}, "PATH", "The folder of the file; else data_dir of the settings."),
                            flag({"--quick"}, "Leave out that indexes agree with their tables."),
                            flag({"--live"}, "Exit with 3 if no router answers."), json_flag()}),
      .examples = {"emq verify", "emq verify --data-dir backup --json"},
      .run = run_verify};
}

std::vector<Command> other_commands() {
  return {
      verify_command(),
      {.name = "shutdown",
       .summary = "Tell the router to finish what it holds and stop.",
       .details =
           "It takes no new jobs, and stops once those that can run have ended, at the latest after drain_timeout. It "
           "waits for jobs whose queue a job manager serves: those that run or wait, and those that are delayed, or to "
           "be run again, if they become ready in time and the store does not keep them. What is left is in the store "
           "if it is guaranteed, and is lost otherwise, which its client is told.",
       .flags = admin_flags(),
       .run = run_shutdown},
      {.name = "config",
       .summary = "Show the settings in force and where each came from.",
       .details = "Takes every flag that the router and the job manager take, to show what they would do.",
       .flags = {json_flag(), valued({"--for"}, "PROGRAM", "As this program sees them: router or jobmanager. [router]"),
                 flag({"--docs"}, "Print docs/settings.md.")},
       .sections = {Section::kRouter, Section::kJobmanager},
       .examples = {"emq config", "EVENTMQ_HWM=5000 emq config --json", "emq config --for jobmanager"},
       .run = run_config},
      {.name = "bench",
       .summary =
           "Measure the router on this machine, with plain and with guaranteed jobs, beside a bare forwarder of ZeroMQ "
           "messages.",
       .details = "Runs a router, a client and a worker of its own inside this process; it touches no other.",
       .flags = {{.names = {"--windows"},
                  .kind = FlagKind::kValues,
                  .value_word = "N…",
                  .help = "How many requests are in flight at once, one measurement each. [1 16 1000]"},
                 valued({"--payload"}, "SIZE", "How large each job is. [200]"),
                 valued({"--measure"}, "SECONDS", "How long each measurement takes. [1]"),
                 valued({"--rounds"}, "N", "How often all are measured, in turns; the median counts. [5]"),
                 valued({"--folder"}, "PATH", "Where the durable store's file is made, and removed again. [.]"),
                 json_flag()},
       .examples = {"emq bench", "emq bench --windows 1000 --payload 1K --measure 10"},
       .run = run_bench_command},
      {.name = "shell",
       .summary = "Type commands one after the other, without `emq` in front.",
       .details =
           "With history and completion at a terminal; reads commands from a pipe too, one a line, and then exits with "
           "the code of the first that failed. At a terminal Ctrl-C ends the command that runs, or drops the line; "
           "Ctrl-D "
           "leaves.",
       .flags = with(admin_flags(), {broker_flags().front()}),
       .examples = {"emq shell", "printf 'status\\nqueues\\n' | emq shell"},
       .run = run_shell,
       .serves = true},
      {.name = "completion",
       .summary = "Print the completion of `emq` for a shell.",
       .arguments = {{"SHELL", "bash is the one there is."}},
       .examples = {"source <(emq completion bash)"},
       .run = run_completion},
      {.name = "version", .summary = "Print the version.", .flags = {json_flag()}, .run = run_version},
      {.name = "help",
       .summary = "Print the commands, or the help of one.",
       .arguments = {{"COMMAND", "The command.", ArgumentCount::kAny}},
       .flags = {flag({"--docs"}, "Print docs/commands.md.")},
       .run = run_help}};
}

std::vector<Command> make_commands() {
  std::vector<Command> commands = {up_command(), router_command(), jobmanager_command(), send_command()};
  for (auto& more : {looking_commands(), dead_commands(), other_commands()})
    commands.insert(commands.end(), more.begin(), more.end());
  return commands;
}

}  // namespace

std::span<const Command> all_commands() {
  static const std::vector<Command> commands = make_commands();
  return commands;
}

}  // namespace eventmq
