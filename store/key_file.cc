#include "store/key_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "base/hmac.h"
#include "base/sealer.h"

namespace weir::store {
namespace {

Error failed(const std::filesystem::path& path, const std::string& what) {
  return {ErrorCode::unavailable, "The key file " + path.string() + " " + what};
}

// Written beside it, synchronised and linked into place: after a crash the file is whole or not there, and of two
// servers that start together both use the first one's.
Result<void> create(const std::filesystem::path& path, const std::string& line) {
  const std::string draft = path.string() + "." + std::to_string(::getpid());
  const int file = ::open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, S_IRUSR | S_IWUSR);
  const bool is_written =
      file >= 0 && ::write(file, line.data(), line.size()) == static_cast<ssize_t>(line.size()) && ::fsync(file) == 0;
  if (file >= 0) ::close(file);
  const bool is_linked = is_written && (::link(draft.c_str(), path.c_str()) == 0 || errno == EEXIST);
  const int reason = errno;
  ::unlink(draft.c_str());
  if (is_linked) return {};
  return failed(path, std::string("cannot be written: ") + std::strerror(reason) + ". Make its folder writable.");
}

}  // namespace

Result<std::string> open_key_file(const std::filesystem::path& path, Random& random) {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) {
    std::string key(Sealer::kKeyBytes, '\0');
    random.fill(std::as_writable_bytes(std::span(key.data(), key.size())));
    if (auto made = create(path, to_base64(key) + "\n"); !made) return std::move(made).error();
  }
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  if (file.bad() || !file.is_open()) return failed(path, "cannot be read. Check its owner and permissions.");
  const std::optional<std::string> key = from_base64(line);
  if (!key || key->size() != Sealer::kKeyBytes) {
    return failed(path,
                  "does not hold a key. Restore it from a backup; without it the secrets of webhooks cannot be read.");
  }
  return *key;
}

}  // namespace weir::store
