#include "decoding/channel.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "decoding/platform.h"

namespace oko::decoding {
namespace {

/// Room for one descriptor beside a message.
union Control {
  cmsghdr header;
  char bytes[CMSG_SPACE(sizeof(int))];
};

// Systems have different types for these lengths. CMSG_SPACE may have room for a second descriptor,
// which nobody would close.
void give_room(Control& control, msghdr& message) {
  message.msg_control = control.bytes;
  message.msg_controllen = static_cast<decltype(message.msg_controllen)>(CMSG_LEN(sizeof(int)));
}

void attach(int descriptor, Control& control, msghdr& message) {
  give_room(control, message);
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = static_cast<decltype(header->cmsg_len)>(CMSG_LEN(sizeof(int)));
  std::memcpy(CMSG_DATA(header), &descriptor, sizeof(int));
}

int attached_to(msghdr& message) {
  int descriptor = -1;
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
       header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS) {
      std::memcpy(&descriptor, CMSG_DATA(header), sizeof(int));
    }
  }
  return descriptor;
}

bool is_to_be_tried_again() {
  return errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK;
}

}  // namespace

Channel::~Channel() {
  ::close(socket_);
}

Channel::Result Channel::wait_for(short events, Clock::time_point until) const {
  constexpr std::chrono::milliseconds kLongest{60'000};
  while (true) {
    int timeout = -1;
    if (until != Clock::time_point::max()) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now());
      if (left.count() <= 0) return Result::kLate;
      timeout = static_cast<int>(std::min(left + std::chrono::milliseconds(1), kLongest).count());
    }
    pollfd socket{socket_, events, 0};
    const int ready = ::poll(&socket, 1, timeout);
    if (ready > 0) return Result::kDone;  // an end of the other side, too
    if (ready < 0 && errno != EINTR) return Result::kClosed;
  }
}

Channel::Result Channel::send(std::string_view message, Clock::time_point until,
                              int descriptor) const {
  std::uint64_t size = message.size();
  iovec part{&size, sizeof(size)};
  msghdr head{};
  head.msg_iov = &part;
  head.msg_iovlen = 1;
  Control control{};
  if (descriptor >= 0) attach(descriptor, control, head);
  while (true) {  // so few bytes go at once, or not at all
    if (const Result result = wait_for(POLLOUT, until); result != Result::kDone) return result;
    if (::sendmsg(socket_, &head, send_flags()) == ssize_t{sizeof(size)}) break;
    if (!is_to_be_tried_again()) return Result::kClosed;
  }
  return send_bytes({reinterpret_cast<const std::uint8_t*>(message.data()), message.size()}, until);
}

Channel::Result Channel::receive(std::string& message, std::uint64_t most, int& descriptor,
                                 Clock::time_point until) const {
  std::uint64_t size = 0;
  iovec part{&size, sizeof(size)};
  msghdr head{};
  head.msg_iov = &part;
  head.msg_iovlen = 1;
  Control control{};
  give_room(control, head);
  descriptor = -1;
  while (true) {
    if (const Result result = wait_for(POLLIN, until); result != Result::kDone) return result;
    const ssize_t got = ::recvmsg(socket_, &head, 0);
    if (got < 0 && is_to_be_tried_again()) continue;
    if (got > 0) descriptor = attached_to(head);
    if (got != ssize_t{sizeof(size)} || size > most) return Result::kClosed;
    break;
  }
  message.resize(size);
  return receive_bytes({reinterpret_cast<std::uint8_t*>(message.data()), message.size()}, until);
}

Channel::Result Channel::send_bytes(std::span<const std::uint8_t> bytes,
                                    Clock::time_point until) const {
  while (!bytes.empty()) {
    if (const Result result = wait_for(POLLOUT, until); result != Result::kDone) return result;
    // Without MSG_DONTWAIT it would wait beyond `until` for room for all bytes.
    const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), send_flags() | MSG_DONTWAIT);
    if (sent < 0 && is_to_be_tried_again()) continue;
    if (sent <= 0) return Result::kClosed;
    bytes = bytes.subspan(static_cast<std::size_t>(sent));
  }
  return Result::kDone;
}

Channel::Result Channel::receive_bytes(std::span<std::uint8_t> bytes,
                                       Clock::time_point until) const {
  while (!bytes.empty()) {
    if (const Result result = wait_for(POLLIN, until); result != Result::kDone) return result;
    const ssize_t got = ::recv(socket_, bytes.data(), bytes.size(), 0);
    if (got < 0 && is_to_be_tried_again()) continue;
    if (got <= 0) return Result::kClosed;
    bytes = bytes.subspan(static_cast<std::size_t>(got));
  }
  return Result::kDone;
}

}  // namespace oko::decoding
