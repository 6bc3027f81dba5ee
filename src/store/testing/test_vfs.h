// What the SQLite VFSs of the tests share. Included by their sources only.
#pragma once

#include <sqlite3.h>

#include <string>
#include <string_view>

namespace eventmq {

// Makes of `vfs` the system's own under a name of its own ("eventmq-<kind>-<number>"), with `state` as its data. What
// is not replaced after that looks at no file.
void begin_test_vfs(sqlite3_vfs& vfs, std::string& name, std::string_view kind, void* state);
// From now on SQLite knows it.
void register_test_vfs(sqlite3_vfs& vfs);

// Calls of a file over the system's own that only go on to that one. `File` begins with a sqlite3_file and has calls()
// and system().
template <class File>
sqlite3_io_methods passed_on() {
  static const auto of = [](sqlite3_file* file) -> File& { return *reinterpret_cast<File*>(file); };
  sqlite3_io_methods calls{};
  calls.iVersion = 2;
  calls.xLock = [](sqlite3_file* file, int level) { return of(file).calls().xLock(of(file).system(), level); };
  calls.xUnlock = [](sqlite3_file* file, int level) { return of(file).calls().xUnlock(of(file).system(), level); };
  calls.xCheckReservedLock = [](sqlite3_file* file, int* out) {
    return of(file).calls().xCheckReservedLock(of(file).system(), out);
  };
  calls.xFileControl = [](sqlite3_file* file, int op, void* data) {
    return of(file).calls().xFileControl(of(file).system(), op, data);
  };
  calls.xSectorSize = [](sqlite3_file* file) { return of(file).calls().xSectorSize(of(file).system()); };
  calls.xDeviceCharacteristics = [](sqlite3_file* file) {
    return of(file).calls().xDeviceCharacteristics(of(file).system());
  };
  calls.xShmMap = [](sqlite3_file* file, int region, int bytes, int extend, void volatile** out) {
    return of(file).calls().xShmMap(of(file).system(), region, bytes, extend, out);
  };
  calls.xShmLock = [](sqlite3_file* file, int offset, int count, int flags) {
    return of(file).calls().xShmLock(of(file).system(), offset, count, flags);
  };
  calls.xShmBarrier = [](sqlite3_file* file) { of(file).calls().xShmBarrier(of(file).system()); };
  calls.xShmUnmap = [](sqlite3_file* file, int remove) {
    return of(file).calls().xShmUnmap(of(file).system(), remove);
  };
  return calls;
}

}  // namespace eventmq
