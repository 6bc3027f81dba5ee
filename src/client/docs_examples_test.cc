// The examples of docs/client.md, compiled and, where a router and a worker suffice, run.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <fstream>
#include <iostream>
#include <sstream>

#include "eventmq/client.h"
#include "src/client/testing/test_router.h"
#include "src/client/testing/test_worker.h"

namespace eventmq {
namespace {

using namespace std::chrono_literals;

std::string file_text(const std::string& path) {
  std::ifstream file(std::string(EVENTMQ_SOURCE_DIR) + "/" + path);
  EXPECT_TRUE(file) << path;
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string without_blanks(std::string text) {
  std::erase_if(text, [](unsigned char c) { return std::isspace(c); });
  return text;
}

// The ```cpp blocks of a document.
std::vector<std::string> cpp_blocks(const std::string& document) {
  constexpr std::string_view kOpen = "```cpp\n";
  std::vector<std::string> blocks;
  for (size_t at = document.find(kOpen); at != document.npos; at = document.find(kOpen, at)) {
    at += kOpen.size();
    blocks.push_back(document.substr(at, document.find("```", at) - at));
  }
  return blocks;
}

TEST(DocsExamplesTest, EveryExampleOfTheClientPageStandsInThisFile) {
  const std::string code = without_blanks(file_text("src/client/docs_examples_test.cc"));
  const std::vector<std::string> blocks = cpp_blocks(file_text("docs/client.md"));
  EXPECT_GT(blocks.size(), 10u);
  for (const std::string& block : blocks) {
    EXPECT_NE(code.find(without_blanks(block)), code.npos) << "not compiled here:\n" << block;
  }
}

void connect_by_default() { eventmq::Client client; }

void connect_to_several() {
  eventmq::Client client({.address = "broker-1,broker-2", .ack_timeout = 30s, .linger = 10s});
}

void schedule(Client& client) {
  client.schedule("reports.nightly", eventmq::cron("0 3 * * *", "Europe/Berlin"));
  client.schedule("cache.warm", eventmq::every(30s), {"front"}, {.nohaste = true});
  client.unschedule("cache.warm", {"front"});
}

void publish(Client& client) { client.publish("orders.created", {{"order", 7}}); }

void report_progress(Client& client) {
  // clang-format off
  auto counts = client.request("count.words", {"/etc/services"}, {.on_progress = [](double fraction, const std::string& text) {
    std::cout << static_cast<int>(fraction * 100) << "% " << text << '\n';
  }});
  std::cout << counts.get().at("words") << '\n';
  // clang-format on
}

void send(Client& client) {
  std::string id =
      client.send("reports.build", {2026, "ops"}, {.queue = "reports", .retry_count = 5, .guarantee = true});
  client.send("mail.welcome", {"ann@example.org"},
              {.delay = 10min, .unique = "welcome-ann", .kwargs = {{"language", "de"}}});
  client.cancel(id);
}

void send_many(Client& client) {
  std::vector<std::future<std::string>> ids;
  for (int page = 0; page < 1000; ++page) ids.push_back(client.send_async("pages.index", {page}));
  for (auto& each : ids) each.get();
}

void ask_later(Client& client) {
  std::string id = client.send("math.add", {2, 3}, {.guarantee = true, .result_ttl = 24h});
  // later, and perhaps elsewhere
  eventmq::JobStatus job = client.result(id);
  if (job.succeeded()) std::cout << job.value << '\n';
}

int request(Client& client) {
  int sum = client.request<int>("math.add", {2, 3}, {.timeout = 5s}).get();
  return sum;
}

void fail_always(Client& client) {
  try {
    client.request<int>("fail.always").get();
  } catch (const eventmq::JobFailed& failed) {
    std::cerr << failed.failure().outcome << ' ' << failed.failure().type << ": " << failed.failure().message << '\n';
  }
}

void report_errors(Client& client) {
  if (auto sent = client.try_send("math.add", {2, 3}); !sent) {
    std::cerr << eventmq::error_word(sent.error().code) << ": " << sent.error().text << '\n';
  }
}

TEST(DocsExamplesTest, ExamplesRun) {
  test::TestRouter router;
  test::TestWorker worker(router.endpoints().backend);
  Client client(router.endpoints().frontend);
  connect_by_default();
  send(client);
  send_many(client);
  fail_always(client);
  report_errors(client);
  report_progress(client);
  ask_later(client);
  EXPECT_THROW(schedule(client), Exception) << "there is no scheduler here";
  // These need names that resolve, a publisher, or a machine that is never slow.
  static_cast<void>(connect_to_several);
  static_cast<void>(publish);
  static_cast<void>(request);
}

}  // namespace
}  // namespace eventmq
