// A router with a fault, for the test of the crash test: it takes every commit for durable as soon as it is handed to
// the store.
#include <cstdio>

#include "src/programs/logging.h"
#include "src/programs/router_settings.h"
#include "src/programs/router_store.h"
#include "src/runtime/router_loop.h"

namespace eventmq {
namespace {

class HastyStore final : public Store {
 public:
  explicit HastyStore(std::unique_ptr<Store> store) : store_(std::move(store)) {}
  void call_on_change(std::function<void()> on_change) override { store_->call_on_change(std::move(on_change)); }
  Result<StoredState> recover(Instant now) override { return store_->recover(now); }
  void submit(CommitNumber commit, std::vector<JobRecord> records) override {
    submitted_ = commit;
    store_->submit(commit, std::move(records));
  }
  void claim(BacklogClaim claim) override { store_->claim(std::move(claim)); }
  std::vector<BacklogClaimed> take_claimed() override { return store_->take_claimed(); }
  void ask(StoreQuestion question) override { store_->ask(std::move(question)); }
  std::vector<StoreAnswer> take_answers() override { return store_->take_answers(); }
  CommitNumber committed() const override { return submitted_; }
  StoreHealth health() const override { return store_->health(); }
  void set_retention(Retention limits) override { store_->set_retention(limits); }
  bool durable() const override { return true; }
  std::string_view name() const override { return "hasty"; }

 private:
  std::unique_ptr<Store> store_;
  CommitNumber submitted_ = 0;
};

int run() {
  LoadRequest request;
  request.program = Section::kRouter;
  request.environment = environment_of_process();
  const Result<Settings> settings = load_settings(request);
  if (!settings) return std::fprintf(stderr, "%s\n", settings.error().text.c_str()), 2;
  Result<std::unique_ptr<Store>> store = open_store(*settings);
  if (!store) return std::fprintf(stderr, "%s\n", store.error().text.c_str()), 1;
  start_log(false);  // as emq router does
  RouterParts parts;
  parts.store = std::make_unique<HastyStore>(*std::move(store));
  ZmqContext context;
  RouterLoop loop(context, router_settings(*settings), std::move(parts));
  if (const Result<void> opened = loop.open(); !opened) {
    return std::fprintf(stderr, "%s\n", opened.error().text.c_str()), 1;
  }
  loop.run();
  return 0;
}

}  // namespace
}  // namespace eventmq

int main() { return eventmq::run(); }
