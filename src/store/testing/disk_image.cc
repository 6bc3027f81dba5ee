#include "src/store/testing/disk_image.h"

#include <fstream>
#include <iterator>

namespace eventmq {

void DiskImage::add_file(const std::string& path) {
  if (files_.contains(path)) return;
  std::ifstream file(path, std::ios::binary);
  files_[path] = DiskFile(std::string(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()));
}

void DiskImage::lose_power() {
  for (auto& [path, file] : files_) {
    const std::string left = file.after_power_loss(prng_);
    std::ofstream(path, std::ios::binary | std::ios::trunc) << left;
    file = DiskFile(left);
  }
}

}  // namespace eventmq
