// The router's views as text for people. Pure: JSON in, text out.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace eventmq {

std::string status_view(const nlohmann::ordered_json& status, bool colour);
std::string queues_view(const nlohmann::ordered_json& answer, bool colour);
std::string workers_view(const nlohmann::ordered_json& answer, bool colour);
std::string schedulers_view(const nlohmann::ordered_json& answer, bool colour);
std::string jobs_view(const nlohmann::ordered_json& answer, bool colour);
// Of a dead letter, too.
std::string job_view(const nlohmann::ordered_json& job, bool colour);
std::string dead_view(const nlohmann::ordered_json& answer, bool colour);

}  // namespace eventmq
