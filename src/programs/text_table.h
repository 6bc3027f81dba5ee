// A table for people: a head, aligned columns, two blanks between them, no lines.
#pragma once

#include <string>
#include <vector>

#include "src/programs/console.h"

namespace eventmq {

enum class Align { kLeft, kRight };

class TextTable {
 public:
  struct Column {
    std::string title;
    Align align = Align::kLeft;
  };
  struct Cell {
    Cell(std::string cell_text, Style cell_style = Style::kPlain)  // NOLINT: a text alone is a cell
        : text(std::move(cell_text)), style(cell_style) {}
    std::string text;
    Style style;
  };

  explicit TextTable(std::vector<Column> columns) : columns_(std::move(columns)) {}

  // One cell for each column; texts are made safe to show.
  void add_row(std::vector<Cell> cells);
  bool empty() const { return rows_.empty(); }
  std::string text(bool colour) const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
};

}  // namespace eventmq
