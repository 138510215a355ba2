#include "server/cli/line_input.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <utility>

namespace weir::cli {
namespace {

constexpr std::size_t kPieceBytes = 64 * 1024;

int open_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  return signalfd(-1, &set, SFD_CLOEXEC);
}

}  // namespace

LineInput::LineInput(int descriptor, std::size_t line_bytes_max)
    : descriptor_(descriptor), line_bytes_max_(line_bytes_max), signals_(open_signals()) {}

LineInput::~LineInput() {
  if (signals_ >= 0) ::close(signals_);
}

bool LineInput::take_line(std::string& line) {
  const std::size_t end = buffer_.find('\n', searched_);
  if (end == std::string::npos) {
    searched_ = buffer_.size();
    return false;
  }
  line = buffer_.substr(0, end);
  if (line.ends_with('\r')) line.pop_back();
  buffer_.erase(0, end + 1);
  searched_ = 0;
  return true;
}

bool LineInput::fill(Read& outcome) {
  std::array<pollfd, 2> waiting{pollfd{descriptor_, POLLIN, 0}, pollfd{signals_, POLLIN, 0}};
  while (::poll(waiting.data(), signals_ < 0 ? 1 : 2, -1) < 0) {
    if (errno != EINTR) {
      outcome = Read::end;
      return false;
    }
  }
  if (waiting[1].revents != 0) {
    outcome = Read::stopped;
    return false;
  }
  std::array<char, kPieceBytes> piece{};
  const ssize_t size = ::read(descriptor_, piece.data(), piece.size());
  if (size < 0 && errno == EINTR) return true;
  if (size <= 0) {
    outcome = Read::end;
    return false;
  }
  buffer_.append(piece.data(), static_cast<std::size_t>(size));
  return true;
}

LineInput::Read LineInput::next(std::string& line) {
  while (true) {
    if (take_line(line)) {
      const bool is_whole = !std::exchange(is_dropping_, false) && line.size() <= line_bytes_max_;
      return is_whole ? Read::line : Read::too_long;
    }
    if (buffer_.size() > line_bytes_max_) {
      buffer_.clear();
      searched_ = 0;
      is_dropping_ = true;
    }
    if (has_ended_) return Read::end;
    Read outcome = Read::end;
    if (fill(outcome)) continue;
    if (outcome == Read::stopped) return outcome;
    has_ended_ = true;
    if (!buffer_.empty() || is_dropping_) buffer_ += '\n';
  }
}

}  // namespace weir::cli
