// What the files that make JSON for people share.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "src/base/time.h"

namespace eventmq {

struct EndedJob;
struct FoundResult;

inline double age_seconds(Instant now, Instant then) { return (now - then).seconds(); }

// As one line; what is no UTF-8 in it is replaced.
std::string view_text(const nlohmann::ordered_json& json);

// How a job's newest attempts ended, from the text that is kept of them.
nlohmann::ordered_json history_json(std::string_view history, Instant now);

// A job that has ended: as the broker remembers it, or of its kept result.
nlohmann::ordered_json ended_json(const EndedJob& ended, Instant now);
nlohmann::ordered_json ended_json(const FoundResult& result, Instant now);

}  // namespace eventmq
