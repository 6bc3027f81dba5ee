// What tables the file has, which version of them, and how an older file becomes a newer one. For people:
// docs/store_format.md.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>

#include "src/base/result.h"
#include "src/store/sqlite_database.h"

namespace eventmq {

// Marks the file as ours, in SQLite's application_id: "EMQS".
inline constexpr int64_t kStoreApplicationId = 0x454d5153;

// A payload of more bytes lies in the table large_payloads, so that the job's row, which is written anew with each
// attempt, stays small.
inline constexpr size_t kPayloadBytesInRow = 2048;

// What turns a file of version n - 1 into one of version n, where n is its place in the list, from 1.
struct Migration {
  const char* sql;
};
// Every version there has been; a new file goes through all of them.
std::span<const Migration> store_migrations();

// Sets up the connection: what SQLite must keep for each of its connections, and not in the file.
Result<void> configure(SqliteDatabase& database);

// Makes a new file ours, brings an older one up to the last version in one transaction, and switches to the
// write-ahead log. Errors, besides those of SqliteDatabase, as kBadValue: the file is not ours, or is newer than the
// list; nothing was changed then.
Result<void> prepare_schema(SqliteDatabase& database, const std::string& path, std::span<const Migration> migrations);

// Each table with a text of all its columns, to be compared.
using TableColumns = std::map<std::string, std::string>;
Result<TableColumns> columns_of_tables(SqliteDatabase& database);
// What they are after all of these.
Result<TableColumns> columns_wanted(std::span<const Migration> migrations);

}  // namespace eventmq
