#include "server/http/out_queue.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <utility>

namespace weir::http {
namespace {

constexpr std::size_t kVectorsMax = 48;  // of one sendmsg(): 16 chunks of three parts
constexpr std::string_view kLineEnd = "\r\n";

}  // namespace

void OutQueue::add(std::string text) { add_frame(std::make_shared<const std::string>(std::move(text))); }

void OutQueue::add_frame(std::shared_ptr<const std::string> frame) {
  Segment segment;
  segment.data = std::move(frame);
  push(std::move(segment));
}

void OutQueue::add_chunk(std::shared_ptr<const std::string> frame) {
  Segment segment;
  char* const begin = segment.prefix.data();
  char* end = std::to_chars(begin, begin + segment.prefix.size() - kLineEnd.size(), frame->size(), 16).ptr;
  end = std::copy(kLineEnd.begin(), kLineEnd.end(), end);
  segment.prefix_size = static_cast<std::uint8_t>(end - begin);
  segment.suffix_size = static_cast<std::uint8_t>(kLineEnd.size());
  segment.data = std::move(frame);
  push(std::move(segment));
}

void OutQueue::push(Segment segment) {
  if (segment.data->empty()) return;  // an empty chunk would end the body
  bytes_ += segment.size();
  segments_.push_back(std::move(segment));
}

void OutQueue::drop_unsent() {
  if (is_empty()) return;
  const std::size_t kept = first_ + 1;
  for (std::size_t i = kept; i < segments_.size(); ++i) bytes_ -= segments_[i].size();
  segments_.erase(segments_.begin() + static_cast<std::ptrdiff_t>(kept), segments_.end());
}

void OutQueue::clear() {
  std::vector<Segment>().swap(segments_);
  first_ = 0;
  bytes_ = 0;
}

OutQueue::Flushed OutQueue::flush(int socket) {
  while (!is_empty()) {
    std::array<iovec, kVectorsMax> vectors;
    std::size_t count = 0;
    const auto add_part = [&](std::string_view part, std::size_t& skipped) {
      const std::size_t skip = std::min(skipped, part.size());
      skipped -= skip;
      if (skip == part.size()) return;
      vectors[count++] = {const_cast<char*>(part.data()) + skip, part.size() - skip};
    };
    for (std::size_t i = first_; i < segments_.size() && count + 3 <= kVectorsMax; ++i) {
      const Segment& segment = segments_[i];
      std::size_t skipped = segment.sent;
      add_part({segment.prefix.data(), segment.prefix_size}, skipped);
      add_part(*segment.data, skipped);
      add_part(kLineEnd.substr(0, segment.suffix_size), skipped);
    }
    msghdr message{};
    message.msg_iov = vectors.data();
    message.msg_iovlen = count;
    const ssize_t written = sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (written < 0) {
      if (errno == EINTR) continue;
      return errno == EAGAIN || errno == EWOULDBLOCK ? Flushed::some : Flushed::gone;
    }
    consume(static_cast<std::size_t>(written));
  }
  return Flushed::all;
}

OutQueue::Flushed OutQueue::send(int socket, std::string head, std::string body) {
  std::size_t written = 0;
  if (is_empty()) {
    std::array<iovec, 2> vectors{{{head.data(), head.size()}, {body.data(), body.size()}}};
    msghdr message{};
    message.msg_iov = vectors.data();
    message.msg_iovlen = body.empty() ? 1 : 2;
    const ssize_t result = sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (result < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) return Flushed::gone;
    written = result < 0 ? 0 : static_cast<std::size_t>(result);
    if (written == head.size() + body.size()) return Flushed::all;
  }
  add(std::move(head));
  add(std::move(body));
  if (written > 0) consume(written);
  return flush(socket);
}

void OutQueue::consume(std::size_t count) {
  bytes_ -= count;
  while (count > 0) {
    Segment& segment = segments_[first_];
    const std::size_t part = std::min(count, segment.size() - segment.sent);
    segment.sent += part;
    count -= part;
    if (segment.sent == segment.size()) {
      segment.data.reset();
      ++first_;
    }
  }
  if (is_empty()) {
    clear();  // an idle connection keeps no memory
  } else if (first_ > segments_.size() / 2) {
    segments_.erase(segments_.begin(), segments_.begin() + static_cast<std::ptrdiff_t>(first_));
    first_ = 0;
  }
}

}  // namespace weir::http
