// What the decoder lets pass beyond the golden frames, and what it refuses: one case per rule.
#include <gtest/gtest.h>

#include "src/codec/codec.h"
#include "testing/frames_text.h"
#include "testing/message_text.h"

namespace eventmq {
namespace {

using testing::make_frames;
using testing::make_message_frames;
using testing::message_text;

using Texts = std::initializer_list<std::string_view>;

// Decodes a message of the command and frames given; it must be accepted and of type T.
template <class T>
T accepted(Texts texts) {
  const auto message = decode(make_message_frames(texts));
  EXPECT_TRUE(message) << message.error().error.text;
  if (!message || !std::holds_alternative<T>(message->body)) return T();
  return std::get<T>(message->body);
}

// "code: text" of the refusal of frames.
std::string refusal_of(const Frames& frames) {
  const auto message = decode(frames);
  if (message) return "accepted: " + message_text(*message);
  return std::string(error_word(message.error().error.code)) + ": " + message.error().error.text;
}

std::string refusal(Texts texts) { return refusal_of(make_message_frames(texts)); }

// --- Frames 0 to 3 ---

TEST(EnvelopeTest, MissingFramesAreNamed) {
  EXPECT_EQ(refusal_of(Frames()), "bad-message: frame 0 (empty) is missing");
  EXPECT_EQ(refusal_of(make_frames({""})), "bad-message: frame 1 (version) is missing");
  EXPECT_EQ(refusal_of(make_frames({"", "eMQP/1.0"})), "bad-message: frame 2 (command) is missing");
  EXPECT_EQ(refusal_of(make_frames({"", "eMQP/1.0", "READY"})), "bad-message: frame 3 (id) is missing");
}

TEST(EnvelopeTest, FirstFrameMustBeEmpty) {
  EXPECT_EQ(refusal_of(make_frames({"x", "eMQP/1.0", "READY", "m1"})), "bad-message: frame 0 (empty) is not empty");
}

TEST(EnvelopeTest, OtherMinorVersionIsAccepted) {
  EXPECT_TRUE(decode(make_frames({"", "eMQP/1.1", "READY", "m1"})));
  EXPECT_TRUE(decode(make_frames({"", "eMQP/1.20", "READY", "m1"})));
}

TEST(EnvelopeTest, OtherVersionIsUnsupported) {
  for (const char* version : {"eMQP/2.0", "eMQP/1", "emqp/1.0", " eMQP/1.0", "EMQP/1.0", "HTTP/1.1"}) {
    EXPECT_EQ(refusal_of(make_frames({"", version, "READY", "m1"})),
              "unsupported-version: frame 1 (version) is '" + std::string(version) + "'; eMQP/1.0 is spoken here");
  }
  EXPECT_EQ(refusal_of(make_frames({"", "", "READY", "m1"})),
            "unsupported-version: frame 1 (version) is ''; eMQP/1.0 is spoken here");
}

TEST(EnvelopeTest, UnknownCommandIsRefused) {
  for (const char* command : {"JUMP", "ready", "READY ", "", "BATCH"}) {
    EXPECT_EQ(refusal({command, "m1"}),
              "unknown-command: frame 2 (command) is none that is known: '" + std::string(command) + "'");
  }
  EXPECT_EQ(refusal({"\xff\n", "m1"}).find("unknown-command:"), 0u);
}

TEST(EnvelopeTest, BadIdIsRefused) {
  EXPECT_EQ(refusal({"READY", ""}), "bad-message: frame 3 (id) is empty; an id has 1 to 128 characters");
  EXPECT_EQ(refusal({"READY", "a,b"}),
            "bad-message: frame 3 (id) is not an id: only printable ASCII without blanks and commas is");
  EXPECT_EQ(refusal({"READY", "\xc3\xa9"}),
            "bad-message: frame 3 (id) is not an id: only printable ASCII without blanks and commas is");
  EXPECT_EQ(refusal({"READY", std::string(129, 'x')}), "too-large: frame 3 (id) has 129 bytes; an id has at most 128");
}

TEST(EnvelopeTest, TooManyFramesAreRefused) {
  Frames frames = make_message_frames({"READY", "m1", "", "", "", "", "", "", "", "", "", ""});
  ASSERT_TRUE(frames.overflow());
  EXPECT_EQ(refusal_of(frames), "bad-message: frame 12 (extension) is over the limit of 12 frames");
}

TEST(EnvelopeTest, AFrameThatTheTransportDroppedIsRefusedWithItsSizes) {
  Frames frames = make_message_frames({"REQUEST", "m1", "q", "", ""});
  frames.mark_too_large({6, 2000, 1000});
  const auto refused = decode(frames);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refusal_of(frames), "too-large: frame 6 (too large) has 2000 bytes; at most 1000 are taken");
  EXPECT_EQ(refused.error().offending_id, "m1");
}

TEST(EnvelopeTest, FramesBeyondTheKnownOnesAreIgnored) {
  accepted<Ready>({"READY", "m1", "x", "\xff"});
  EXPECT_EQ(accepted<Request>({"REQUEST", "m1", "q", "", "p", "1", "x", "y"}).attempt, 1u);
  EXPECT_EQ(accepted<Reply>({"REPLY", "m1", "p", "j1", "1", "ok", "x"}).outcome, Outcome::kOk);
  EXPECT_EQ(accepted<Publish>({"PUBLISH", "m1", "t", "h", "p", "x"}).payload, "p");
  EXPECT_EQ(accepted<Schedule>({"SCHEDULE", "m1", "q", "", "5", "p", "", "x"}).payload, "p");
}

TEST(EnvelopeTest, RefusalNamesTheMessageWhereItCan) {
  const auto bad_headers = decode(make_message_frames({"REQUEST", "m1", "q", "timeout", "p"}));
  ASSERT_FALSE(bad_headers);
  EXPECT_EQ(bad_headers.error().offending_id, "m1");
  const auto unknown = decode(make_message_frames({"JUMP", "m2"}));
  EXPECT_EQ(unknown.error().offending_id, "m2");
  const auto version = decode(make_frames({"x", "eMQP/2.0", "READY", "m3"}));
  EXPECT_EQ(version.error().offending_id, "m3");
  const auto bad_id = decode(make_message_frames({"READY", "m 4"}));
  EXPECT_TRUE(bad_id.error().offending_id.empty());
  const auto no_id = decode(make_message_frames({"READY"}));
  EXPECT_TRUE(no_id.error().offending_id.empty());
}

// --- One command after the other ---

TEST(AckTest, EveryIdIsChecked) {
  EXPECT_EQ(refusal({"ACK", "m1"}), "bad-message: frame 4 (acknowledged id) is missing");
  EXPECT_EQ(refusal({"ACK", "m1", ""}),
            "bad-message: frame 4 (acknowledged id) is empty; an id has 1 to 128 "
            "characters");
  EXPECT_EQ(refusal({"ACK", "m1", "j1,"}),
            "bad-message: frame 4 (acknowledged id) is empty; an id has 1 to 128 "
            "characters");
  EXPECT_EQ(refusal({"ACK", "m1", "j1, j2"}),
            "bad-message: frame 4 (acknowledged id) is not an id: only printable "
            "ASCII without blanks and commas is");
}

TEST(AckTest, CapabilitiesAreChecked) {
  EXPECT_EQ(refusal({"ACK", "m1", "j1", "\xff"}), "bad-message: frame 5 (capabilities) is not UTF-8");
  EXPECT_EQ(refusal({"ACK", "m1", "j1", std::string(4097, 'x')}),
            "too-large: frame 5 (capabilities) has 4097 bytes; at most 4096 are taken");
}

TEST(HeartbeatTest, MissingTimeIsEmpty) { EXPECT_TRUE(accepted<Heartbeat>({"HEARTBEAT", "m1"}).time.empty()); }

TEST(HeartbeatTest, TimeIsCheckedAsTextOnly) {
  EXPECT_EQ(accepted<Heartbeat>({"HEARTBEAT", "m1", "noon"}).time, "noon");
  EXPECT_EQ(refusal({"HEARTBEAT", "m1", "\xff"}), "bad-message: frame 4 (time) is not UTF-8");
  EXPECT_EQ(refusal({"HEARTBEAT", "m1", std::string(65, '1')}),
            "too-large: frame 4 (time) has 65 bytes; at most 64 are taken");
}

TEST(GoodbyeTest, PublishedSpellingIsTheSame) { accepted<Goodbye>({"KBAI", "m1"}); }

TEST(RequestTest, MissingFramesAreNamed) {
  EXPECT_EQ(refusal({"REQUEST", "m1"}), "bad-message: frame 4 (queue) is missing");
  EXPECT_EQ(refusal({"REQUEST", "m1", "q"}), "bad-message: frame 5 (headers) is missing");
  EXPECT_EQ(refusal({"REQUEST", "m1", "q", ""}), "bad-message: frame 6 (message) is missing");
}

TEST(RequestTest, QueueIsChecked) {
  EXPECT_EQ(refusal({"REQUEST", "m1", "\xff", "", "p"}), "bad-message: frame 4 (queue) is not UTF-8");
  EXPECT_EQ(refusal({"REQUEST", "m1", "a,b", "", "p"}), "bad-message: frame 4 (queue) has a comma");
  EXPECT_EQ(refusal({"REQUEST", "m1", "a\nb", "", "p"}), "bad-message: frame 4 (queue) has a control character");
  EXPECT_EQ(refusal({"REQUEST", "m1", std::string(201, 'q'), "", "p"}),
            "too-large: frame 4 (queue) has 201 bytes; a queue's name has at most 200");
}

TEST(RequestTest, HeadersAreChecked) {
  EXPECT_EQ(refusal({"REQUEST", "m1", "q", "guarantee:1", "p"}),
            "bad-message: frame 5 (headers) is refused: header guarantee takes no value");
  EXPECT_EQ(refusal({"REQUEST", "m1", "q", "\xff", "p"}),
            "bad-message: frame 5 (headers) is refused: the headers are not UTF-8");
  EXPECT_EQ(refusal({"REQUEST", "m1", "q", std::string(8193, 'x'), "p"}),
            "too-large: frame 5 (headers) is refused: the headers have 8193 bytes; at most 8192 are taken");
}

TEST(RequestTest, MessageIsNotInspected) {
  EXPECT_EQ(accepted<Request>({"REQUEST", "m1", "q", "", "\xff{{{"}).payload, "\xff{{{");
  EXPECT_TRUE(accepted<Request>({"REQUEST", "m1", "q", "", ""}).payload.empty());
}

TEST(RequestTest, AttemptIsAWholeNumberFromOne) {
  for (const char* attempt : {"0", "-1", "1.0", "", "one", "4294967296"}) {
    EXPECT_EQ(refusal({"REQUEST", "m1", "q", "", "p", attempt}),
              "bad-message: frame 7 (attempt) is a whole number from 1, not '" + std::string(attempt) + "'");
  }
}

TEST(ReplyTest, MissingMessageIsRefused) {
  EXPECT_EQ(refusal({"REPLY", "m1"}), "bad-message: frame 4 (message) is missing");
}

TEST(ReplyTest, RequestIdIsChecked) {
  EXPECT_EQ(refusal({"REPLY", "m1", "p", ""}),
            "bad-message: frame 5 (request id) is empty; an id has 1 to 128 "
            "characters");
}

TEST(ReplyTest, RequestIdMayHaveTheAttemptBehindIt) {
  const std::string longest = std::string(limits::kIdBytes, 'j') + "~4294967295";
  EXPECT_EQ(accepted<Reply>({"REPLY", "m1", "p", longest}).request_id, longest);
  EXPECT_EQ(refusal({"REPLY", "m1", "p", longest + "0"}),
            "too-large: frame 5 (request id) has 140 bytes; an id has at most 139");
}

TEST(ReplyTest, OutcomeAndAttemptAreChecked) {
  EXPECT_EQ(refusal({"REPLY", "m1", "p", "j1", "fine"}),
            "bad-message: frame 6 (outcome) is not an outcome that this version knows: 'fine'");
  EXPECT_EQ(refusal({"REPLY", "m1", "p", "j1", "1", "fine"}),
            "bad-message: frame 7 (outcome) is not an outcome that this version knows: 'fine'");
  EXPECT_EQ(refusal({"REPLY", "m1", "p", "j1", "ok", "1"}),
            "bad-message: frame 6 (attempt) is a whole number from 1, not 'ok'");
}

TEST(ScheduleTest, MissingFramesAreNamed) {
  EXPECT_EQ(refusal({"SCHEDULE", "m1"}), "bad-message: frame 4 (queue) is missing");
  EXPECT_EQ(refusal({"SCHEDULE", "m1", "q"}), "bad-message: frame 5 (headers) is missing");
  EXPECT_EQ(refusal({"SCHEDULE", "m1", "q", ""}), "bad-message: frame 6 (interval) is missing");
  EXPECT_EQ(refusal({"UNSCHEDULE", "m1", "q", "", "5"}), "bad-message: frame 7 (message) is missing");
}

TEST(ScheduleTest, IntervalIsChecked) {
  EXPECT_EQ(accepted<Schedule>({"SCHEDULE", "m1", "q", "", "0.5", "p"}).interval, "0.5");
  EXPECT_EQ(accepted<Schedule>({"SCHEDULE", "m1", "q", "", "-1", "p", "* * * * *"}).cron, "* * * * *");
  EXPECT_EQ(accepted<Unschedule>({"UNSCHEDULE", "m1", "q", "", "-1", "p"}).interval, "-1");
  const std::string never = "bad-message: frame 6 (interval) is -1 and there is no cron expression";
  EXPECT_EQ(refusal({"SCHEDULE", "m1", "q", "", "-1", "p"}), never);
  EXPECT_EQ(refusal({"SCHEDULE", "m1", "q", "", "-1", "p", ""}), never);
  for (const char* interval : {"", "-2", "soon", "1e9", "315360001", "-1.0"}) {
    EXPECT_EQ(
        refusal({"SCHEDULE", "m1", "q", "", interval, "p"}),
        "bad-message: frame 6 (interval) is -1 or seconds from 0 to 315360000, not '" + std::string(interval) + "'");
  }
}

TEST(ScheduleTest, CronIsCheckedAsTextOnly) {
  EXPECT_EQ(refusal({"SCHEDULE", "m1", "q", "", "-1", "p", "\xff"}), "bad-message: frame 8 (cron) is not UTF-8");
  EXPECT_EQ(refusal({"SCHEDULE", "m1", "q", "", "-1", "p", std::string(1025, '*')}),
            "too-large: frame 8 (cron) has 1025 bytes; at most 1024 are taken");
}

TEST(PublishTest, FramesAreChecked) {
  EXPECT_EQ(refusal({"PUBLISH", "m1"}), "bad-message: frame 4 (topic) is missing");
  EXPECT_EQ(refusal({"PUBLISH", "m1", "t"}), "bad-message: frame 5 (message) is missing");
  EXPECT_EQ(refusal({"PUBLISH", "m1", "\xff", "p"}), "bad-message: frame 4 (topic) is not UTF-8");
  EXPECT_EQ(refusal({"PUBLISH", "m1", std::string(1025, 't'), "p"}),
            "too-large: frame 4 (topic) has 1025 bytes; at most 1024 are taken");
  EXPECT_EQ(refusal({"PUBLISH", "m1", "t", "\xff", "p"}), "bad-message: frame 5 (headers) is not UTF-8");
}

TEST(InformTest, ShortInformIsRefused) {
  EXPECT_EQ(refusal({"INFORM", "m1"}), "bad-message: frame 4 (queues) is missing");
  EXPECT_EQ(refusal({"INFORM", "m1", ""}), "bad-message: frame 5 (type) is missing");
}

TEST(InformTest, TypeIsChecked) {
  for (const char* type : {"", "Worker", "router"}) {
    EXPECT_EQ(refusal({"INFORM", "m1", "", type}),
              "bad-message: frame 5 (type) is worker, scheduler or client, not '" + std::string(type) + "'");
  }
  EXPECT_EQ(refusal({"INFORM", "m1", "", "\xff"}), "bad-message: frame 5 (type) is not UTF-8");
}

TEST(InformTest, QueuesAreChecked) {
  EXPECT_EQ(refusal({"INFORM", "m1", "\xff", "worker"}), "bad-message: frame 4 (queues) is refused: is not UTF-8");
  EXPECT_EQ(refusal({"INFORM", "m1", "[[10]]", "worker"}),
            "bad-message: frame 4 (queues) is refused: at byte 4: expected a comma after the weight");
}

TEST(InformTest, OnlyAWorkerHasQueues) {
  for (const char* type : {"scheduler", "client"}) {
    EXPECT_EQ(refusal({"INFORM", "m1", "default", type}),
              "bad-message: frame 4 (queues) is not empty, and only a worker has queues");
    accepted<Inform>({"INFORM", "m1", "[]", type});
  }
}

TEST(InformTest, CapabilitiesAreChecked) {
  EXPECT_EQ(refusal({"INFORM", "m1", "", "worker", "\xff"}), "bad-message: frame 6 (capabilities) is not UTF-8");
  EXPECT_EQ(refusal({"INFORM", "m1", "", "worker", std::string(4097, 'x')}),
            "too-large: frame 6 (capabilities) has 4097 bytes; at most 4096 are taken");
}

TEST(InformTest, ARefusedOneTellsWhetherItsSenderUnderstandsErrors) {
  const auto understands = [](Texts texts) {
    const auto message = decode(make_message_frames(texts));
    return !message && message.error().understands_errors;
  };
  EXPECT_TRUE(understands({"INFORM", "m1", "[[1", "worker", "settle,errors"}));
  EXPECT_TRUE(understands({"INFORM", "m1", "", "boss", "errors"}));
  EXPECT_TRUE(understands({"INFORM", "", "", "worker", "errors"})) << "its id is missing, and nobody needs it for this";
  EXPECT_FALSE(understands({"INFORM", "m1", "[[1", "worker", "settle"}));
  EXPECT_FALSE(understands({"INFORM", "m1", "[[1", "worker", "errors,\xff"})) << "no text";
  EXPECT_FALSE(understands({"INFORM", "m1", "[[1", "worker"}));
  EXPECT_FALSE(understands({"REQUEST", "m1", "q", "guarantee:1", "errors"})) << "no INFORM";
}

TEST(ResumeTest, IsIgnoredWithoutTheCapability) {
  EXPECT_TRUE(accepted<Inform>({"INFORM", "m1", "", "worker", "settle", "w-7,1:j1"}).held.empty());
  EXPECT_TRUE(accepted<Inform>({"INFORM", "m1", "", "client", "resume", "w-7,1:j1"}).held.empty());
}

TEST(ResumeTest, EmptyFrameResumesNothing) {
  EXPECT_TRUE(accepted<Inform>({"INFORM", "m1", "", "worker", "resume", ""}).previous_id.empty());
}

TEST(ResumeTest, JobIdMayHaveAColon) {
  const Inform inform = accepted<Inform>({"INFORM", "m1", "", "worker", "resume", "w-7,3:cron:j1"});
  ASSERT_EQ(inform.held.size(), 1u);
  EXPECT_EQ(inform.held[0].request_id, "cron:j1");
  EXPECT_EQ(inform.held[0].attempt, 3u);
}

TEST(ResumeTest, EachBrokenRuleHasItsError) {
  const auto resume = [](const std::string& text) { return refusal({"INFORM", "m1", "", "worker", "resume", text}); };
  EXPECT_EQ(resume(",1:j1"), "bad-message: frame 7 (resume) does not begin with a routing id");
  EXPECT_EQ(resume("w,j1"), "bad-message: frame 7 (resume) has 'j1', which is not attempt:id");
  EXPECT_EQ(resume("w,0:j1"), "bad-message: frame 7 (resume) has '0:j1', whose attempt is no whole number from 1");
  EXPECT_EQ(resume("w,x:j1"), "bad-message: frame 7 (resume) has 'x:j1', whose attempt is no whole number from 1");
  EXPECT_EQ(resume("w,1:"), "bad-message: frame 7 (resume) has '1:', whose id is empty; an id has 1 to 128 characters");
  EXPECT_EQ(resume("w,1:j1,2:j1"), "bad-message: frame 7 (resume) names job 'j1' twice");
  EXPECT_EQ(resume("w\xff"), "bad-message: frame 7 (resume) is not UTF-8");
  EXPECT_EQ(resume(std::string(256, 'w')),
            "too-large: frame 7 (resume) has a routing id of 256 bytes; one has at most 255");
  EXPECT_EQ(resume(std::string(limits::kInformBytes + 1, 'w')),
            "too-large: frame 7 (resume) has 1048577 bytes; at most 1048576 are taken");
}

TEST(ResumeTest, NumberOfJobsIsLimited) {
  std::string text = "w";
  for (size_t job = 0; job < limits::kResumedJobsPerInform; ++job) text += ",1:j" + std::to_string(job);
  const auto held = accepted<Inform>({"INFORM", "m1", "", "worker", "resume", text}).held;
  EXPECT_EQ(held.size(), limits::kResumedJobsPerInform);
  EXPECT_EQ(refusal({"INFORM", "m1", "", "worker", "resume", text + ",1:more"}),
            "too-large: frame 7 (resume) names more than 10000 jobs");
}

TEST(ErrorTest, UnknownCodeIsStillAnError) {
  const ErrorMessage message = accepted<ErrorMessage>({"ERROR", "m1", "too-funny", "ha", "j1"});
  EXPECT_EQ(message.error, (Error{ErrorCode::kBadMessage, "ha"}));
}

TEST(ErrorTest, LongTextIsCut) {
  const ErrorMessage message = accepted<ErrorMessage>({"ERROR", "m1", "forbidden", std::string(2000, 'x')});
  EXPECT_EQ(message.error.text, std::string(limits::kErrorTextBytes, 'x'));
}

TEST(ErrorTest, FramesAreChecked) {
  EXPECT_EQ(refusal({"ERROR", "m1"}), "bad-message: frame 4 (code) is missing");
  EXPECT_EQ(refusal({"ERROR", "m1", "forbidden"}), "bad-message: frame 5 (text) is missing");
  EXPECT_EQ(refusal({"ERROR", "m1", "\xff", "t"}), "bad-message: frame 4 (code) is not UTF-8");
  EXPECT_EQ(refusal({"ERROR", "m1", "forbidden", "\xff"}), "bad-message: frame 5 (text) is not UTF-8");
  EXPECT_EQ(refusal({"ERROR", "m1", "forbidden", "t", "a b"}),
            "bad-message: frame 6 (offending id) is not an id: only printable ASCII without blanks and commas is");
}

TEST(CancelTest, RequestIdIsChecked) {
  EXPECT_EQ(refusal({"CANCEL", "m1"}), "bad-message: frame 4 (request id) is missing");
  EXPECT_EQ(refusal({"CANCEL", "m1", ""}),
            "bad-message: frame 4 (request id) is empty; an id has 1 to 128 "
            "characters");
}

TEST(ProgressTest, FractionIsANumberFromZeroToOne) {
  EXPECT_EQ(accepted<Progress>({"PROGRESS", "m1", "j1", "1e-3", ""}).fraction, 0.001);
  EXPECT_EQ(accepted<Progress>({"PROGRESS", "m1", "j1", "0", ""}).fraction, 0);
  for (const char* fraction : {"", "1.01", "-0.1", "nan", "inf", "half", "0.5 ", "0,5"}) {
    EXPECT_EQ(refusal({"PROGRESS", "m1", "j1", fraction, ""}),
              "bad-message: frame 5 (fraction) is a number from 0 to 1, not '" + std::string(fraction) + "'");
  }
}

TEST(ProgressTest, FramesAreChecked) {
  EXPECT_EQ(refusal({"PROGRESS", "m1"}), "bad-message: frame 4 (request id) is missing");
  EXPECT_EQ(refusal({"PROGRESS", "m1", "j1"}), "bad-message: frame 5 (fraction) is missing");
  EXPECT_EQ(refusal({"PROGRESS", "m1", "j1", "1"}), "bad-message: frame 6 (text) is missing");
  EXPECT_EQ(refusal({"PROGRESS", "m1", "j1", "1", "\xff"}), "bad-message: frame 6 (text) is not UTF-8");
  EXPECT_EQ(refusal({"PROGRESS", "m1", "j1", "1", std::string(1025, 'x')}),
            "too-large: frame 6 (text) has 1025 bytes; at most 1024 are taken");
}

TEST(QueryTest, FramesAreChecked) {
  EXPECT_TRUE(accepted<Query>({"QUERY", "m1", "status"}).arguments.empty());
  EXPECT_EQ(refusal({"QUERY", "m1"}), "bad-message: frame 4 (view) is missing");
  EXPECT_EQ(refusal({"QUERY", "m1", "\xff"}), "bad-message: frame 4 (view) is not UTF-8");
  EXPECT_EQ(refusal({"QUERY", "m1", std::string(65, 'v')}),
            "too-large: frame 4 (view) has 65 bytes; at most 64 are taken");
  EXPECT_EQ(refusal({"QUERY", "m1", "jobs", "\xff"}), "bad-message: frame 5 (arguments) is not UTF-8");
  EXPECT_EQ(refusal({"QUERY", "m1", "jobs", std::string(65537, ' ')}),
            "too-large: frame 5 (arguments) has 65537 bytes; at most 65536 are taken");
}

}  // namespace
}  // namespace eventmq
