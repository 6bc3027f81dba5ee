// A router with a fault, for the test of the crash test: it takes every commit for durable as soon as it is handed to
// the store.
#include "tests/end_to_end/odd_router.h"

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

}  // namespace
}  // namespace eventmq

int main() {
  return eventmq::run_odd_router([](const eventmq::Settings& settings) {
    return eventmq::open_store(settings).map(
        [](std::unique_ptr<eventmq::Store>&& store) -> std::unique_ptr<eventmq::Store> {
          return std::make_unique<eventmq::HastyStore>(std::move(store));
        });
  });
}
