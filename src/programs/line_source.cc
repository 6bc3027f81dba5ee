#include "src/programs/line_source.h"

#include <iostream>

namespace eventmq {
namespace {

class PlainLines : public LineSource {
 public:
  bool interactive() const override { return false; }
  std::optional<std::string> next() override {
    std::string line;
    if (!std::getline(std::cin, line)) return std::nullopt;
    return line;
  }
};

}  // namespace

std::unique_ptr<LineSource> plain_lines() { return std::make_unique<PlainLines>(); }

}  // namespace eventmq
