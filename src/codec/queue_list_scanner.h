// Reads the two spellings of INFORM's queues that are made of [weight, "name"] pairs.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/result.h"
#include "src/wire/messages.h"

namespace eventmq {

// One pass over the text; the first fault ends it.
class QueueListScanner {
 public:
  // The text must outlive the scanner, be UTF-8 and begin with '[' after blanks.
  explicit QueueListScanner(const Bytes& text) : whole_(text), text_(text.view()) {}

  Result<std::vector<QueueWeight>> scan();

 private:
  using Fault = std::optional<Error>;

  Fault scan_pairs(bool enclosed);
  Fault scan_pair();
  Fault scan_weight(uint32_t& weight);
  Fault scan_name(Bytes& name);
  Fault scan_escape(std::string& unescaped);
  Fault scan_unicode_escape(std::string& unescaped);
  Fault scan_hex4(uint32_t& value);
  Fault expect(char wanted, std::string_view what);
  Fault fault(std::string text) const;

  void skip_blanks();
  bool at_end() const { return at_ == text_.size(); }
  // The next character, or NUL at the end (and NUL itself is nowhere allowed).
  char peek() const { return at_end() ? '\0' : text_[at_]; }
  bool take(char wanted);

  const Bytes& whole_;
  std::string_view text_;
  size_t at_ = 0;
  std::vector<QueueWeight> queues_;
};

}  // namespace eventmq
