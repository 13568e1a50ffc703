#include "tasks/document_queue.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

#include "base/error.h"

namespace oko::tasks {
namespace {

ReadDocument document_of(int number, std::size_t passages = 1) {
  ReadDocument read;
  read.document.path = std::to_string(number);
  read.passages.resize(passages);
  return read;
}

TEST(DocumentQueueTest, AllDocumentsComeInOrderThroughABoundedQueue) {
  constexpr int kCount = 1000;
  DocumentQueue queue;
  const JoiningThread reader([&] {
    for (int i = 0; i < kCount; ++i) queue.push(document_of(i, 20), {});
    queue.close();
  });
  int seen = 0;
  while (const std::optional<ReadDocument> read = queue.pop({})) {
    ASSERT_EQ(read->document.path, std::to_string(seen++));
  }
  EXPECT_EQ(seen, kCount);
}

TEST(DocumentQueueTest, DocumentLargerThanTheQueuePasses) {
  DocumentQueue queue;
  queue.push(document_of(1, 100'000), {});
  queue.close();
  EXPECT_EQ(queue.pop({})->passages.size(), 100'000u);
  EXPECT_FALSE(queue.pop({}));
}

TEST(DocumentQueueTest, RoomIsWaitedForBehindALongDocument) {
  DocumentQueue queue;
  StopSource stop;
  stop.request_stop();
  EXPECT_FALSE(queue.wait_for_room(stop.get_token()));
  queue.push(document_of(1, 1000), {});
  EXPECT_THROW(queue.wait_for_room(stop.get_token()), Error);
  queue.pop({});
  EXPECT_FALSE(queue.wait_for_room(stop.get_token()));
}

TEST(DocumentQueueTest, NewsComeToTheOneThatWaits) {
  DocumentQueue queue;
  queue.announce();
  int news = 0;
  const std::optional<ReadDocument> read = queue.pop({}, [&] {
    ++news;
    if (news < 3) {
      queue.announce();
    } else {
      queue.push(document_of(1), {});
    }
  });
  EXPECT_EQ(news, 3);
  EXPECT_TRUE(read);
}

TEST(DocumentQueueTest, ErrorOfTheReaderComesBehindItsDocuments) {
  DocumentQueue queue;
  queue.push(document_of(1), {});
  queue.close(std::make_exception_ptr(std::runtime_error("disk")));
  EXPECT_TRUE(queue.pop({}));
  EXPECT_THROW(queue.pop({}), std::runtime_error);
}

TEST(DocumentQueueTest, StopEndsBothSides) {
  DocumentQueue queue;
  const StopSource source;
  bool was_stopped = false;
  {
    const JoiningThread reader([&] {
      try {
        for (int i = 0;; ++i) queue.push(document_of(i), source.get_token());
      } catch (const Error& error) {
        was_stopped = error.code() == ErrorCode::kCancelled;
      }
    });
    EXPECT_TRUE(queue.pop({}));
    source.request_stop();
  }
  EXPECT_TRUE(was_stopped);
  DocumentQueue empty;
  EXPECT_THROW(empty.pop(source.get_token()), Error);
}

}  // namespace
}  // namespace oko::tasks
