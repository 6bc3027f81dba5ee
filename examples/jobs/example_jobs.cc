// Example jobs, as a plug-in: `emq up --load build/libexample_jobs.so`, then `emq send math.add 2 3 --wait`.
#include <chrono>
#include <cmath>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "eventmq/job.h"

namespace {

using eventmq::JobContext;
using eventmq::JobError;
using eventmq::Json;

template <class Whole>
bool fits(const Json& number) {
  return number.is_number_unsigned() ? std::in_range<Whole>(number.get<uint64_t>())
                                     : std::in_range<Whole>(number.get<int64_t>());
}

// Adds them as whole numbers of a type; nothing if one of them or the sum does not fit.
template <class Whole>
std::optional<Json> whole_sum(const Json& a, const Json& b) {
  Whole sum = 0;
  if (!fits<Whole>(a) || !fits<Whole>(b)) return std::nullopt;
  if (__builtin_add_overflow(a.get<Whole>(), b.get<Whole>(), &sum)) return std::nullopt;
  return Json(sum);
}

// Any two numbers. A sum of whole numbers is a whole number, if it has 64 bits.
Json add(const Json& a, const Json& b) {
  if (!a.is_number() || !b.is_number()) throw JobError("bad-arguments", "math.add adds two numbers");
  if (a.is_number_integer() && b.is_number_integer()) {
    if (const auto sum = whole_sum<int64_t>(a, b)) return *sum;
    if (const auto sum = whole_sum<uint64_t>(a, b)) return *sum;
  }
  return a.get<double>() + b.get<double>();
}
EVENTMQ_JOB("math.add", add, "a", "b");

// ASCII letters only: a real application would ask a Unicode library.
std::string upper(std::string text) {
  for (char& c : text) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return text;
}
EVENTMQ_JOB("text.upper", upper, "text");

// Shows a long job: it reports how far it is, and stops when it is asked to.
double sleep_for(JobContext& context, double seconds) {
  using Clock = std::chrono::steady_clock;
  constexpr double kLongest = 86'400;
  if (!(seconds >= 0 && seconds <= kLongest)) throw JobError("bad-arguments", "seconds must be from 0 to 86400");
  const auto start = Clock::now();
  const std::chrono::duration<double> whole(seconds);
  for (auto passed = Clock::now() - start; passed < whole; passed = Clock::now() - start) {
    if (context.cancelled()) throw JobError("cancelled", "woken up early");
    context.progress(std::chrono::duration<double>(passed) / whole, "sleeping");
    std::this_thread::sleep_for(std::min<std::chrono::duration<double>>(whole - passed, std::chrono::milliseconds(50)));
  }
  context.progress(1, "awake");
  return seconds;
}
EVENTMQ_JOB("sleep.seconds", sleep_for, "seconds");

void fail(const std::string& message) { throw std::runtime_error(message); }
EVENTMQ_JOB("fail.always", fail, eventmq::Parameter("message", "this job always fails"));

// Ends its worker process, not the job manager: the job ends as `killed`, and another process takes its place.
void crash() {
  std::signal(SIGSEGV, SIG_DFL);  // a debugging tool's handler would turn it into an exit
  std::raise(SIGSEGV);
}
EVENTMQ_JOB("crash.segv", crash);

// The words of a file, and its progress through it.
Json count_words(JobContext& context, const std::string& path) {
  std::error_code unknown;
  // It would open, and read as nothing.
  if (std::filesystem::is_directory(path, unknown)) throw JobError("file", path + " is a folder", {{"path", path}});
  std::ifstream file(path, std::ios::ate);
  if (!file) throw JobError("file", "cannot read " + path, {{"path", path}});
  const double size = std::max(1.0, static_cast<double>(file.tellg()));
  file.seekg(0);
  uint64_t lines = 0;
  uint64_t words = 0;
  double bytes = 0;
  for (std::string line; std::getline(file, line); ++lines) {
    if (context.cancelled()) throw JobError("cancelled", "stopped counting");
    bool in_word = false;
    for (const char c : line) {
      const bool is_letter = c != ' ' && c != '\t' && c != '\r';
      if (is_letter && !in_word) ++words;
      in_word = is_letter;
    }
    bytes += static_cast<double>(line.size()) + 1;
    context.progress(bytes / size, std::to_string(words) + " words");
  }
  if (file.bad()) throw JobError("file", "reading " + path + " failed", {{"path", path}});
  context.progress(1, std::to_string(words) + " words");
  return {{"lines", lines}, {"words", words}};
}
EVENTMQ_JOB("count.words", count_words, "path");

}  // namespace
