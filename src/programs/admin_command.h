// What all commands that ask the router have in common.
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "src/programs/admin_client.h"
#include "src/programs/command.h"

namespace eventmq {

// Loads the settings of the invocation. What is wrong with them is printed and gives exit code 2; what is odd about
// them is printed and goes on.
Result<Settings> settings_of(Invocation& invocation);

// A client for the router that the flags, environment and settings name. Errors: kBadValue, already printed.
Result<AdminClient> admin_client_of(Invocation& invocation);
// The same with settings that are loaded already.
Result<AdminClient> admin_client_of(Invocation& invocation, const Settings& settings);

// Asks for a view. Errors: those of AdminClient::query, and kBadMessage when the answer is no object with this member.
Result<nlohmann::ordered_json> answer_of(AdminClient& admin, const std::string& view, const std::string& arguments,
                                         const char* member);

// Prints why there is no answer. What the router takes for a wrong value was typed, so it is wrong usage.
ExitCode asked_in_vain(Invocation& invocation, const Error& error);

// Asks for a view and hands the answer to `show`, or prints it as it came if --json was typed.
ExitCode show_view(Invocation& invocation, const std::string& view, const std::string& arguments,
                   const std::function<void(const nlohmann::ordered_json&)>& show);

// The second half of that.
void print_answer(Invocation& invocation, const nlohmann::ordered_json& answer,
                  const std::function<void(const nlohmann::ordered_json&)>& show);

// Fields of what the router said, whatever it said.
std::string text_field(const nlohmann::ordered_json& json, const char* name);
double number_field(const nlohmann::ordered_json& json, const char* name);

// "3 h 12 min", "2.5 s".
std::string duration_text(double seconds);
// Of seconds since the Unix epoch: "2026-11-25 17:04:05 UTC".
std::string moment_text(double seconds);
// "12.5M".
std::string size_text(double bytes);
// "1234567".
std::string count_text(double count);

}  // namespace eventmq
