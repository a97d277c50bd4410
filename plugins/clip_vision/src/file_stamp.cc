#include "plugins/clip_vision/src/file_stamp.h"

#include <sys/stat.h>

namespace clip_vision {
namespace {

std::string Time(const timespec& time) {
  return std::to_string(time.tv_sec) + "." + std::to_string(time.tv_nsec);
}

}  // namespace

std::string FileStamp(const std::string& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) return path + "|";
  return path + "|" + std::to_string(status.st_dev) + "|" + std::to_string(status.st_ino) + "|" +
         std::to_string(status.st_size) + "|" + Time(status.st_mtim) + "|" + Time(status.st_ctim) +
         "|";
}

}  // namespace clip_vision
