#include "src/executor/job_result.h"

#include <cxxabi.h>
#include <fmt/format.h>

#include <cstdlib>
#include <typeinfo>

#include "eventmq/error.h"
#include "eventmq/job.h"
#include "src/executor/json_text.h"
#include "src/wire/json_value.h"
#include "src/wire/limits.h"

namespace eventmq {
namespace {

std::string demangled(const std::type_info& type) {
  int status = 0;
  char* text = abi::__cxa_demangle(type.name(), nullptr, nullptr, &status);
  std::string name = status == 0 && text ? text : type.name();
  std::free(text);
  return name;
}

std::string dumped(const Json& value) { return value.dump(-1, ' ', false, Json::error_handler_t::replace); }

// Throws Json::type_error for text that is not UTF-8.
std::string checked_result_line(std::string_view id, const Json& value) {
  const std::string problem = json_problem(value, limits::kJsonDepth - 1);
  if (!problem.empty()) return failure_line(id, "error", {"bad-result", "the job's result " + problem, nullptr});
  std::string line =
      fmt::format(R"({{"type":"result","id":{},"outcome":"ok","value":{}}})", json_quoted(id), value.dump());
  if (line.size() <= limits::kWorkerLineBytes) return line;
  const std::string text = fmt::format("the job's result has more than {} bytes", limits::kWorkerLineBytes);
  return failure_line(id, "error", {"result-too-large", text, nullptr});
}

}  // namespace

HandlerFailure current_failure() {
  try {
    throw;
  } catch (const JobError& error) {
    return {error.type(), error.what(), error.details()};
  } catch (const Exception& error) {
    return {std::string(error_word(error.code())), error.error().text, nullptr};
  } catch (const std::exception& error) {
    return {demangled(typeid(error)), error.what(), nullptr};
  } catch (...) {
    const std::type_info* type = abi::__cxa_current_exception_type();
    return {type ? demangled(*type) : "unknown", "the handler threw something that is no std::exception", nullptr};
  }
}

std::string result_line(std::string_view id, const Json& value) {
  try {
    return checked_result_line(id, value);
  } catch (const Json::exception&) {
    return failure_line(id, "error", {"bad-result", "the job's result holds text that is not UTF-8", nullptr});
  }
}

std::string failure_line(std::string_view id, std::string_view outcome, const HandlerFailure& failure) {
  const bool details_fit = json_problem(failure.details, limits::kJsonDepth - 2).empty();
  const std::string details = details_fit ? dumped(failure.details) : "null";
  std::string line =
      fmt::format(R"({{"type":"result","id":{},"outcome":"{}","error":{{"type":{},"message":{},"details":{}}}}})",
                  json_quoted(id), outcome, json_quoted(failure.type), json_quoted(failure.message), details);
  if (line.size() <= limits::kWorkerLineBytes) return line;
  return failure_line(id, outcome,
                      {failure.type.substr(0, 100), failure.message.substr(0, limits::kErrorTextBytes), nullptr});
}

}  // namespace eventmq
