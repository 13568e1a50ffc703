// folder_watch_darwin.cpp, with FSEvents of ours in place of a Mac's.
#include <CoreServices/CoreServices.h>
#include <dispatch/dispatch.h>
#include <gtest/gtest.h>
#include <sys/mount.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/stop_token.h"
#include "tasks/folder_watch.h"
#include "tests/support/scratch_folder.h"

namespace fs = std::filesystem;

namespace {

/// What a test says, and what the watch has done.
struct System {
  std::vector<std::unique_ptr<__FSEventStream>> streams = {};
  int objects = 0;  ///< of CoreFoundation, not yet released
  int queues = 0;
  bool refuses = false;
  bool is_local = true;
};
System the_system;

struct Object {
  Object() { ++the_system.objects; }
  Object(const Object&) = delete;
  Object& operator=(const Object&) = delete;
  virtual ~Object() { --the_system.objects; }
};

}  // namespace

// Apple's names.
// NOLINTBEGIN(bugprone-reserved-identifier)
struct __CFString : Object {
  std::string text;
};
struct __CFArray : Object {
  std::string path;
};
struct dispatch_queue_s {
  std::mutex running;
};
struct __FSEventStream {
  FSEventStreamCallback callback;
  FSEventStreamContext context;
  std::string path;
  FSEventStreamEventId since;
  dispatch_queue_t queue = nullptr;
  bool is_started = false;
  std::atomic<bool> is_stopped{false};
  bool is_invalid = false, is_released = false;
};
// NOLINTEND(bugprone-reserved-identifier)

extern "C" {
const CFArrayCallBacks kCFTypeArrayCallBacks{};

CFStringRef CFStringCreateWithCString(CFAllocatorRef, const char* text, CFStringEncoding encoding) {
  EXPECT_EQ(encoding, kCFStringEncodingUTF8);
  auto* string = new __CFString;
  string->text = text;
  return string;
}
CFArrayRef CFArrayCreate(CFAllocatorRef, const void** values, CFIndex count,
                         const CFArrayCallBacks* calls) {
  EXPECT_EQ(count, 1);
  EXPECT_EQ(calls, &kCFTypeArrayCallBacks);
  auto* array = new __CFArray;
  array->path = static_cast<CFStringRef>(values[0])->text;
  return array;
}
void CFRelease(const void* object) {
  delete static_cast<const Object*>(object);
}

dispatch_queue_t dispatch_queue_create(const char*, void*) {
  ++the_system.queues;
  return new dispatch_queue_s;
}
void dispatch_sync_f(dispatch_queue_t queue, void* context, void (*work)(void*)) {
  const std::lock_guard lock(queue->running);
  work(context);
}
void dispatch_release(dispatch_queue_t queue) {
  --the_system.queues;
  delete queue;
}

FSEventStreamEventId FSEventsGetCurrentEventId() {
  return 41;
}
FSEventStreamRef FSEventStreamCreate(CFAllocatorRef, FSEventStreamCallback callback,
                                     FSEventStreamContext* context, CFArrayRef paths,
                                     FSEventStreamEventId since, CFTimeInterval,
                                     FSEventStreamCreateFlags flags) {
  EXPECT_TRUE((flags & kFSEventStreamCreateFlagFileEvents) != 0);
  EXPECT_TRUE((flags & kFSEventStreamCreateFlagWatchRoot) != 0);
  the_system.streams.emplace_back(new __FSEventStream{callback, *context, paths->path, since});
  return the_system.streams.back().get();
}
void FSEventStreamSetDispatchQueue(FSEventStreamRef stream, dispatch_queue_t queue) {
  stream->queue = queue;
}
Boolean FSEventStreamStart(FSEventStreamRef stream) {
  EXPECT_NE(stream->queue, nullptr);
  stream->is_started = !the_system.refuses;
  return static_cast<Boolean>(stream->is_started);
}
void FSEventStreamStop(FSEventStreamRef stream) {
  EXPECT_TRUE(stream->is_started);
  stream->is_stopped = true;
}
void FSEventStreamInvalidate(FSEventStreamRef stream) {
  EXPECT_EQ(stream->is_stopped, stream->is_started);
  stream->is_invalid = true;
}
void FSEventStreamRelease(FSEventStreamRef stream) {
  EXPECT_TRUE(stream->is_invalid);
  stream->is_released = true;
}
}

int statfs(const char* /*path*/, struct statfs* volume) {
  volume->f_flags = the_system.is_local ? MNT_LOCAL : 0;
  return 0;
}

namespace oko::tasks {
namespace {

constexpr FSEventStreamEventFlags kFile =
    kFSEventStreamEventFlagItemModified | kFSEventStreamEventFlagItemIsFile;

void call(const __FSEventStream& stream, const fs::path& path, FSEventStreamEventFlags flags) {
  const char* paths[] = {path.c_str()};
  const FSEventStreamEventId number = 42;
  stream.callback(&stream, stream.context.info, 1, static_cast<void*>(paths), &flags, &number);
}

class FsEventsTest : public ScratchFolderTest {
 protected:
  void SetUp() override {
    ScratchFolderTest::SetUp();
    folder_ = fs::canonical(folder_);
    for (const char* name : {"a/in", "a/hidden", "ab"}) fs::create_directories(folder_ / name);
    the_system = {};
    watch_ = make_folder_watch([](const std::string& path) { return !path.ends_with(".no"); });
  }
  void TearDown() override {
    watch_.reset();
    for (const auto& stream : the_system.streams) EXPECT_TRUE(stream->is_released);
    EXPECT_EQ(the_system.objects, 0);
    EXPECT_EQ(the_system.queues, 0);
    ScratchFolderTest::TearDown();
  }

  /// Tells, as a Mac does, each stream above it.
  void tell(const fs::path& path, FSEventStreamEventFlags flags = kFile) {
    for (const auto& stream : the_system.streams) {
      const bool is_above = (path.string() + "/").starts_with(stream->path + "/");
      if (is_above && stream->is_started && !stream->is_stopped) call(*stream, path, flags);
    }
  }
  bool has_changed() { return watch_->wait(std::chrono::milliseconds(0), {}); }

  std::unique_ptr<FolderWatch> watch_;
};

TEST_F(FsEventsTest, ChangesOfWalkedFoldersAloneAreTold) {
  watch_->add(folder_ / "a");
  watch_->add(folder_ / "a/in");
  EXPECT_FALSE(has_changed());
  for (const char* path : {"a", "a/1.txt", "a/in/2.txt", "a/in", "a/hidden", "a/gone/3.txt"}) {
    tell(folder_ / path);
    EXPECT_TRUE(has_changed()) << path;
    EXPECT_FALSE(has_changed()) << path;
  }
  tell(folder_ / "a/hidden/4.txt");
  tell(folder_ / "a/5.no");
  tell(folder_ / "ab/6.txt");
  tell(folder_ / "a", kFSEventStreamEventFlagHistoryDone);
  EXPECT_FALSE(has_changed());
}

TEST_F(FsEventsTest, AStreamIsForATree) {
  watch_->add(folder_ / "a");
  watch_->add(folder_ / "a/in");
  watch_->add(folder_ / "a");
  ASSERT_EQ(the_system.streams.size(), 1U);
  EXPECT_EQ(the_system.streams[0]->path, folder_ / "a");
  EXPECT_EQ(the_system.streams[0]->since, 41U);
  watch_->add(folder_ / "ab");
  EXPECT_EQ(the_system.streams.size(), 2U);
  EXPECT_TRUE(watch_->shortage().empty());
}

TEST_F(FsEventsTest, FolderBehindALinkIsWatchedAtItsPlace) {
  fs::create_directory_symlink(folder_ / "ab", folder_ / "a/link");
  watch_->add(folder_ / "a");
  watch_->add(folder_ / "a/link");
  tell(folder_ / "ab/1.txt");
  EXPECT_TRUE(has_changed());
}

TEST_F(FsEventsTest, LostEventsCountAsAChange) {
  watch_->add(folder_ / "a");
  for (const FSEventStreamEventFlags flags :
       {kFSEventStreamEventFlagMustScanSubDirs, kFSEventStreamEventFlagUserDropped,
        kFSEventStreamEventFlagKernelDropped}) {
    tell(folder_ / "a/hidden/any.no", flags);
    EXPECT_TRUE(has_changed()) << flags;
  }
  EXPECT_EQ(the_system.streams.size(), 1U);
}

TEST_F(FsEventsTest, MovedTreeGetsANewStream) {
  watch_->add(folder_ / "a");
  watch_->add(folder_ / "ab");
  tell(folder_ / "a", kFSEventStreamEventFlagRootChanged);
  EXPECT_TRUE(has_changed());
  watch_->add(folder_ / "a");
  watch_->add(folder_ / "ab");
  ASSERT_EQ(the_system.streams.size(), 4U);
  EXPECT_TRUE(the_system.streams[0]->is_released && the_system.streams[1]->is_released);
  tell(folder_ / "ab/1.txt");
  EXPECT_TRUE(has_changed());
  watch_->add(folder_ / "a");
  EXPECT_EQ(the_system.streams.size(), 4U);
}

TEST_F(FsEventsTest, WhatIsNotToldIsAShortage) {
  watch_->add(folder_ / "gone");  // the walk tells of it
  EXPECT_TRUE(watch_->shortage().empty());
  the_system.refuses = true;
  watch_->add(folder_ / "a");
  EXPECT_FALSE(watch_->shortage().empty());
}

TEST_F(FsEventsTest, VolumeOfTheNetworkIsAShortage) {
  the_system.is_local = false;
  watch_->add(folder_ / "a");
  EXPECT_FALSE(watch_->shortage().empty());
}

TEST_F(FsEventsTest, TheEndWaitsForACallUnderWay) {
  watch_->add(folder_ / "a");
  const __FSEventStream& stream = *the_system.streams[0];
  std::atomic<bool> has_begun = false, has_ended = false;
  const JoiningThread queue([&] {
    const std::lock_guard lock(stream.queue->running);
    has_begun = true;
    while (!stream.is_stopped) std::this_thread::yield();
    call(stream, folder_ / "a/1.txt", kFile);
    has_ended = true;
  });
  while (!has_begun) std::this_thread::yield();
  watch_.reset();
  EXPECT_TRUE(has_ended);
}

TEST_F(FsEventsTest, StopAndChangeEndTheWait) {
  watch_->add(folder_ / "a");
  const StopSource stop;
  const JoiningThread stopper([&] { stop.request_stop(); });
  EXPECT_FALSE(watch_->wait(std::chrono::hours(1), stop.get_token()));
  const JoiningThread teller([&] { tell(folder_ / "a/1.txt"); });
  EXPECT_TRUE(watch_->wait(std::chrono::hours(1), {}));
}

}  // namespace
}  // namespace oko::tasks
