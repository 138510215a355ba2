// One server process per data folder: an exclusive lock on DIR/weir.lock, held as long as the object lives and released
// by the kernel if the process dies. The command line's key commands do not take it.
#pragma once
#include <filesystem>

#include "base/result.h"

namespace weir::store {

// Not thread-safe: owned by the server.
class DataFolderLock {
 public:
  // Creates the folder (mode 0700) if it is missing. Returns unavailable, naming the folder and the process that holds
  // it, if another one does. Never blocks.
  static Result<DataFolderLock> acquire(const std::filesystem::path& folder);

  DataFolderLock(DataFolderLock&& other) noexcept;
  DataFolderLock& operator=(DataFolderLock&& other) noexcept;
  DataFolderLock(const DataFolderLock&) = delete;
  DataFolderLock& operator=(const DataFolderLock&) = delete;
  ~DataFolderLock();

 private:
  explicit DataFolderLock(int descriptor) : descriptor_(descriptor) {}

  int descriptor_;
};

}  // namespace weir::store
