// The job that this worker process runs, as its handler sees it.
#pragma once

#include <atomic>
#include <mutex>
#include <string>

#include "eventmq/job.h"
#include "src/executor/manager_channel.h"

namespace eventmq {

class HandlerContext final : public JobContext {
 public:
  HandlerContext(ManagerChannel& channel, JobInfo info) : channel_(channel), info_(std::move(info)) {}

  const JobInfo& info() const override { return info_; }
  bool cancelled() override;
  void progress(double fraction, std::string_view text) override;
  using JobContext::log;
  void log(JobLogLevel level, std::string_view text) override;

  // Sends a progress that was held back.
  void flush_progress();
  // The handler has asked, and was told, that it should stop.
  bool saw_cancellation() const { return cancelled_; }
  // The job manager wants the process to end after this job.
  bool stop_requested() const { return stop_requested_; }

 private:
  using Clock = std::chrono::steady_clock;

  void send_held_progress();  // with the mutex held

  ManagerChannel& channel_;
  const JobInfo info_;
  std::atomic<bool> cancelled_ = false;
  std::atomic<bool> stop_requested_ = false;
  std::mutex progress_mutex_;
  std::string held_progress_;
  Clock::time_point progress_sent_at_{};
};

}  // namespace eventmq
