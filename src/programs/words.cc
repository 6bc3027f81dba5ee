#include "src/programs/words.h"

namespace eventmq {
namespace {

class Reader {
 public:
  explicit Reader(std::string_view line) : line_(line) {}

  Result<std::vector<std::string>> read() {
    while (at_ < line_.size()) {
      const char c = line_[at_++];
      if (c == ' ' || c == '\t' || c == '\r') {
        end_word();
      } else if (c == '#' && !in_word_) {
        break;
      } else if (c == '\'' || c == '"') {
        if (!quoted(c)) return fail(ErrorCode::kBadValue, std::string("a ") + c + " is not closed");
      } else {
        const bool takes_next = c == '\\' && at_ < line_.size();
        add(takes_next ? line_[at_++] : c);
      }
    }
    end_word();
    return std::move(words_);
  }

 private:
  void add(char c) {
    word_ += c;
    in_word_ = true;
  }

  void end_word() {
    if (in_word_) words_.push_back(std::exchange(word_, {}));
    in_word_ = false;
  }

  bool quoted(char quote) {
    in_word_ = true;
    while (at_ < line_.size()) {
      char c = line_[at_++];
      if (c == quote) return true;
      const bool escapes = quote == '"' && c == '\\' && at_ < line_.size() && (line_[at_] == '"' || line_[at_] == '\\');
      if (escapes) c = line_[at_++];
      word_ += c;
    }
    return false;
  }

  std::string_view line_;
  size_t at_ = 0;
  std::string word_;
  bool in_word_ = false;
  std::vector<std::string> words_;
};

}  // namespace

Result<std::vector<std::string>> words_of_line(std::string_view line) { return Reader(line).read(); }

}  // namespace eventmq
