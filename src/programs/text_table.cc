#include "src/programs/text_table.h"

#include <algorithm>

#include "src/base/assert.h"

namespace eventmq {

void TextTable::add_row(std::vector<Cell> cells) {
  EMQ_ASSERT(cells.size() == columns_.size(), "{} cells for {} columns", cells.size(), columns_.size());
  for (Cell& cell : cells) cell.text = safe_text(cell.text);
  rows_.push_back(std::move(cells));
}

std::string TextTable::text(bool colour) const {
  std::vector<Cell> head;
  for (const Column& column : columns_) head.emplace_back(column.title, Style::kBold);
  std::vector<size_t> widths(columns_.size(), 0);
  const auto widen = [&widths](const std::vector<Cell>& row) {
    for (size_t at = 0; at < row.size(); ++at) widths[at] = std::max(widths[at], columns(row[at].text));
  };
  widen(head);
  for (const auto& row : rows_) widen(row);

  std::string text;
  const auto append = [&](const std::vector<Cell>& row) {
    std::string line;
    for (size_t at = 0; at < row.size(); ++at) {
      const std::string blanks(widths[at] - columns(row[at].text), ' ');
      const std::string shown = styled(row[at].text, row[at].style, colour);
      if (at > 0) line += "  ";
      line += columns_[at].align == Align::kRight ? blanks + shown : shown + blanks;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  };
  append(head);
  for (const auto& row : rows_) append(row);
  return text;
}

}  // namespace eventmq
