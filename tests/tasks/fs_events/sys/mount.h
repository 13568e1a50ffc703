#pragma once

#include <cstdint>

// What folder_watch_darwin.cpp uses of Darwin's header of this name.
constexpr std::uint32_t MNT_LOCAL = 0x1000;
struct statfs {
  std::uint32_t f_flags;
};
int statfs(const char* path, struct statfs* volume);
