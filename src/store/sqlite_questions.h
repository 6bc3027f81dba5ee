// Answers what people ask of the store, on a thread and a connection of its own: a long look through the file holds up
// no commit.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "src/store/sqlite_database.h"
#include "src/wire/store_question.h"

namespace eventmq {

class SqliteQuestions {
 public:
  // `path` and `vfs` as for SqliteDatabase. `on_answer` is called on the thread.
  SqliteQuestions(std::string path, std::string vfs, std::function<void()> on_answer);
  // What is not answered yet never will be.
  ~SqliteQuestions();
  SqliteQuestions(const SqliteQuestions&) = delete;
  SqliteQuestions& operator=(const SqliteQuestions&) = delete;

  // On any thread. The answer knows what is committed in the file now.
  void ask(StoreQuestion question);
  std::vector<StoreAnswer> take_answers();

 private:
  void run();
  StoreAnswer answer(const StoreQuestion& question);

  const std::string path_;
  const std::string vfs_;
  const std::function<void()> on_answer_;

  std::mutex mutex_;
  std::condition_variable wake_;
  // Guarded by mutex_:
  std::deque<StoreQuestion> questions_;
  std::vector<StoreAnswer> answers_;
  bool stopping_ = false;

  std::thread thread_;  // last, so that it finds everything
};

// One answer from an open file. Errors: those of SqliteDatabase and read_job_row.
Result<StoreAnswer> answer_question(SqliteDatabase& database, const StoreQuestion& question);

}  // namespace eventmq
