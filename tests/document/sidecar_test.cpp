#include "document/sidecar.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "document/block_writer.h"
#include "document/xml_events.h"
#include "tests/support/scratch_folder.h"

namespace oko::document {
namespace {

/// The texts of rdf:li with the names of the elements two above.
class XmpItems : public XmlHandler {
 public:
  void start(std::string_view /*space*/, std::string_view name,
             const XmlAttributes& attributes) override {
    names_.emplace_back(name);
    if (name == "li") {
      items.push_back(names_[names_.size() - 3] + " " + std::string(attributes.value("lang")) +
                      ": ");
    }
  }
  void end(std::string_view /*space*/, std::string_view /*name*/) override { names_.pop_back(); }
  void text(std::string_view text) override {
    if (names_.back() == "li") items.back() += text;
  }

  std::vector<std::string> items;

 private:
  std::vector<std::string> names_;
};

std::vector<std::string> items_of(const std::string& xmp) {
  TextDocument document;
  const BlockWriter writer(document, {}, "a.xmp");
  XmpItems items;
  XmlFeed feed(items, writer, "a.xmp");
  feed.feed(xmp);
  feed.finish();
  return items.items;
}

std::string content_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

class SidecarTest : public ScratchFolderTest {
 protected:
  SidecarResult write(const SidecarText& text) { return write_sidecar(folder_ / "a.jpg", text); }
  std::filesystem::path path() const { return folder_ / "a.jpg.xmp"; }
};

TEST_F(SidecarTest, WritesWellFormedXmp) {
  const SidecarText text{"Чек <\"Пятёрочка\" & ко>\x01", "ru", {"чек", "R&D"}};
  EXPECT_EQ(write(text), SidecarResult::kWritten);
  EXPECT_EQ(items_of(content_of(path())),
            (std::vector<std::string>{"description x-default: Чек <\"Пятёрочка\" & ко>",
                                      "description ru: Чек <\"Пятёрочка\" & ко>", "subject : чек",
                                      "subject : R&D"}));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "a.jpg"));
}

TEST_F(SidecarTest, ReplacesItsOwnAlone) {
  EXPECT_EQ(write({"one", "", {}}), SidecarResult::kWritten);
  EXPECT_EQ(write({"one", "", {}}), SidecarResult::kUnchanged);
  EXPECT_EQ(write({"two", "", {}}), SidecarResult::kWritten);
  EXPECT_EQ(content_of(path()), xmp_of({"two", "", {}}));
  std::string changed = content_of(path());
  changed.replace(changed.find("two"), 3, "own");
  std::ofstream(path()) << changed;
  EXPECT_EQ(write({"three", "", {}}), SidecarResult::kLeftAlone);
  EXPECT_EQ(content_of(path()), changed);
}

TEST_F(SidecarTest, LeavesWhatIsNoFileAlone) {
  std::filesystem::create_directory(path());
  EXPECT_EQ(write({"one", "", {}}), SidecarResult::kLeftAlone);
  std::filesystem::remove(path());
  std::filesystem::create_symlink(folder_ / "nowhere", path());
  EXPECT_EQ(write({"one", "", {}}), SidecarResult::kLeftAlone);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "nowhere"));
}

TEST_F(SidecarTest, TellsThatItCannotBeWritten) {
  message_of(
      [&] {
        write_sidecar(folder_ / "none" / "a.jpg", {"one", "", {}});
      },
      ErrorCode::kFailed);
}

}  // namespace
}  // namespace oko::document
