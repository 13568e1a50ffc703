#include "server/library_roots.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

namespace oko::server {
namespace {

std::vector<std::string> names_of(const std::vector<std::string>& given) {
  std::vector<std::string> names;
  for (const LibraryRoot& root : library_roots(given)) names.push_back(root.name);
  return names;
}

using Names = std::vector<std::string>;

TEST(LibraryRootsTest, NamesTellFoldersApart) {
  EXPECT_EQ(names_of({"/home/anna/Снимки", "/home/anna/Docs/"}), (Names{"Снимки", "Docs"}));
  EXPECT_EQ(names_of({"/a/Photos", "/b/Photos", "/c"}), (Names{"a/Photos", "b/Photos", "c"}));
  EXPECT_EQ(names_of({"/a/x/Photos", "/b/x/Photos", "/b/Photos"}),
            (Names{"a/x/Photos", "b/x/Photos", "b/Photos"}));
  EXPECT_EQ(names_of({"/Photos", "/a/Photos"}), (Names{"/Photos", "a/Photos"}));
  EXPECT_EQ(names_of({"/a/a", "/a", "/"}), (Names{"a/a", "/a", "/"}));
}

TEST(LibraryRootsTest, AFolderIsThereOnce) {
  EXPECT_EQ(names_of({"/a/Photos", "/a/Photos/", "/a/./b/../Photos"}), (Names{"Photos"}));
}

TEST(LibraryRootsTest, AFolderKeepsItsNumber) {
  const auto before = library_roots({"/a/Photos", "/b/Photos"});
  const auto now = library_roots({"/c", "/b/Photos", "/a/Photos/"});
  EXPECT_EQ(now[1].id, before[1].id);
  EXPECT_EQ(now[2].id, before[0].id);
  std::set<std::int64_t> ids;
  for (const LibraryRoot& root : now) {
    EXPECT_GE(root.id, 1);
    EXPECT_LE(root.id, INT32_MAX);
    ids.insert(root.id);
  }
  EXPECT_EQ(ids.size(), 3u);
}

}  // namespace
}  // namespace oko::server
