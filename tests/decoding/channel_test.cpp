#include "decoding/channel.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstring>
#include <string>

#include "decoding/platform.h"
#include "tests/decoding/open_descriptors.h"

namespace oko::decoding {
namespace {

class ChannelTest : public ::testing::Test {
 protected:
  ChannelTest() { EXPECT_EQ(make_sockets(ends_), 0); }

  int ends_[2] = {-1, -1};
};

TEST_F(ChannelTest, AnEndThatReadsNothingIsLate) {
  const Channel channel(ends_[0]), other(ends_[1]);
  std::string message;
  message.resize(10'000'000);
  const auto until = Channel::Clock::now() + std::chrono::milliseconds(100);
  EXPECT_EQ(channel.send(message, until), Channel::Result::kLate);
}

TEST_F(ChannelTest, TakesOneFileOfAMessageThatHasTwo) {
#ifdef __APPLE__
  GTEST_SKIP() << "the system opens both";
#endif
  const Channel channel(ends_[0]), other(ends_[1]);
  const int files[2] = {ends_[1], ends_[1]};
  std::uint64_t size = 0;
  iovec part{&size, sizeof(size)};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(files))] = {};
  msghdr head{};
  head.msg_iov = &part;
  head.msg_iovlen = 1;
  head.msg_control = control;
  head.msg_controllen = sizeof(control);
  cmsghdr* header = CMSG_FIRSTHDR(&head);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(files));
  std::memcpy(CMSG_DATA(header), files, sizeof(files));
  const std::size_t before = open_descriptors();
  ASSERT_EQ(::sendmsg(ends_[1], &head, 0), ssize_t{sizeof(size)});
  std::string message;
  int descriptor = -1;
  EXPECT_EQ(channel.receive(message, 0, descriptor), Channel::Result::kDone);
  EXPECT_EQ(::close(descriptor), 0);
  EXPECT_EQ(open_descriptors(), before);
}

}  // namespace
}  // namespace oko::decoding
