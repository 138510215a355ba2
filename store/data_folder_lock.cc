#include "store/data_folder_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "base/log.h"

namespace weir::store {
namespace {

Error refused(const std::filesystem::path& folder, int error_number) {
  return Error(ErrorCode::unavailable,
               "cannot use the data folder " + folder.string() + ": " + std::strerror(error_number));
}

// What the holder wrote: its process id.
std::string holder_of(int descriptor) {
  std::array<char, 32> text{};
  const ssize_t size = ::pread(descriptor, text.data(), text.size(), 0);
  if (size <= 0) return "unknown";
  std::string_view holder(text.data(), static_cast<std::size_t>(size));
  holder = holder.substr(0, holder.find('\n'));
  return printable(holder);
}

}  // namespace

Result<DataFolderLock> DataFolderLock::acquire(const std::filesystem::path& folder) {
  std::error_code failed;
  if (std::filesystem::create_directories(folder, failed)) {
    std::filesystem::permissions(folder, std::filesystem::perms::owner_all, failed);
  }
  if (failed) return refused(folder, failed.value());

  const int descriptor = ::open((folder / "weir.lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor < 0) return refused(folder, errno);
  DataFolderLock lock(descriptor);
  if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return refused(folder, errno);
    return Error(ErrorCode::unavailable, "the data folder " + folder.string() + " is in use by process " +
                                             holder_of(descriptor) +
                                             ": stop that server, or give this one a folder of its own");
  }
  // The id only makes the message above better: the lock holds without it.
  const std::string holder = std::to_string(::getpid()) + "\n";
  if (::ftruncate(descriptor, 0) != 0 ||
      ::pwrite(descriptor, holder.data(), holder.size(), 0) != static_cast<ssize_t>(holder.size())) {
    log::warning("data_folder_lock.unnamed", {{"folder", folder.string()}, {"reason", std::strerror(errno)}});
  }
  return lock;
}

DataFolderLock::DataFolderLock(DataFolderLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

DataFolderLock& DataFolderLock::operator=(DataFolderLock&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

DataFolderLock::~DataFolderLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

}  // namespace weir::store
