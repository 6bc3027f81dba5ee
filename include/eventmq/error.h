// Errors: one list of codes, one value type, one result type.
//
// An expected outcome is a value: functions that can fail return Result<T>. The same codes travel on the
// wire in ERROR messages (docs/protocol.md) and reach the user as words, so a person can search for them.
// A failed assertion is always a bug of EventMQ itself (src/base/assert.h), never an Error.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace eventmq {

// What the caller can do about an error.
enum class ErrorClass {
  kFix,        // the request itself is wrong: mend it, the same again fails the same way
  kRetry,      // not now: the same request can succeed later
  kReconnect,  // the peer is gone: a new conversation can succeed
};

// name in code, word on the wire and in output, class, what it means in one sentence.
#define EVENTMQ_ERROR_CODES(X)                                                                               \
  X(kBadMessage, "bad-message", kFix, "a frame, header or payload breaks a rule of the protocol")            \
  X(kUnsupportedVersion, "unsupported-version", kFix, "the message is not eMQP/1.x")                         \
  X(kUnknownCommand, "unknown-command", kFix, "the command is not one this socket understands")              \
  X(kTooLarge, "too-large", kFix, "a frame or a message is over its limit")                                  \
  X(kQueueFull, "queue-full", kRetry, "the queue or the broker's memory is at its limit; nothing was taken") \
  X(kStoreUnavailable, "store-unavailable", kRetry, "the store cannot make the job durable now")             \
  X(kShuttingDown, "shutting-down", kRetry, "the broker takes no new work because it is stopping")           \
  X(kForbidden, "forbidden", kFix, "this peer may not do that")                                              \
  X(kUnknownQueue, "unknown-queue", kFix, "no worker serves the queue and the setting says to refuse")       \
  X(kNoScheduler, "no-scheduler", kRetry, "no scheduler is connected to take the schedule")                  \
  X(kUnknownJob, "unknown-job", kFix, "no such job")                                                         \
  X(kUnreachable, "unreachable", kReconnect, "no broker answers at the address")                             \
  X(kTimedOut, "timed-out", kRetry, "no answer came within the time given")                                  \
  X(kJobFailed, "job-failed", kFix, "the job ended without success")                                         \
  X(kJobLost, "job-lost", kRetry, "the worker or broker that held the job is gone; its outcome is unknown")  \
  X(kBadValue, "bad-value", kFix, "an argument, setting or returned value does not fit")                     \
  X(kClosed, "closed", kFix, "the object was closed")                                                        \
  X(kSystem, "system", kRetry, "the operating system refused a call")

enum class ErrorCode {
#define EVENTMQ_X(name, word, error_class, meaning) name,
  EVENTMQ_ERROR_CODES(EVENTMQ_X)
#undef EVENTMQ_X
};

// The word of a code ("queue-full"); static storage.
std::string_view error_word(ErrorCode code);
ErrorClass error_class(ErrorCode code);
// The one-sentence meaning of a code; static storage.
std::string_view error_meaning(ErrorCode code);
// The code of a word; unexpected words give kBadMessage, so that a newer peer's code is still an error.
ErrorCode error_code_from_word(std::string_view word);

// One failure: which rule, and a sentence for a person that says what was wrong and how to mend it.
struct Error {
  ErrorCode code = ErrorCode::kBadMessage;
  std::string text;

  bool operator==(const Error&) const = default;
};

template <class T>
using Result = tl::expected<T, Error>;

// Shorthand for returning a failure: return fail(ErrorCode::kBadValue, "...").
inline tl::unexpected<Error> fail(ErrorCode code, std::string text) {
  return tl::unexpected<Error>(Error{code, std::move(text)});
}

// What the throwing half of the public interface throws. what() is "<word>: <text>".
class Exception : public std::runtime_error {
 public:
  explicit Exception(Error error)
      : std::runtime_error(std::string(error_word(error.code)) + ": " + error.text), error_(std::move(error)) {}
  const Error& error() const { return error_; }
  ErrorCode code() const { return error_.code; }

 private:
  Error error_;
};

}  // namespace eventmq
