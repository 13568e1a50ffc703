#include "base/data_folder.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "tests/support/scratch_folder.h"

namespace oko {
namespace {

namespace fs = std::filesystem;

class DataFolderTest : public ScratchFolderTest {};

TEST_F(DataFolderTest, KnowsItsProgram) {
  EXPECT_EQ(program_path().filename(), "base_test");
  EXPECT_TRUE(fs::is_regular_file(program_path()));
}

TEST_F(DataFolderTest, FindsTheFilesOfAnInstalledProgram) {
  const fs::path data = folder_ / "share" / "oko";
  const fs::path program = folder_ / "bin" / "oko";
  EXPECT_EQ(data_folder(program), std::nullopt);
  fs::create_directories(data);
  EXPECT_EQ(data_folder(program), data);
}

TEST_F(DataFolderTest, FindsTheFilesInABuildFolder) {
  const fs::path data = folder_ / "share" / "oko";
  fs::create_directories(data);
  EXPECT_EQ(data_folder(folder_ / "oko"), data);
}

TEST_F(DataFolderTest, AnUnknownProgramHasNoFiles) {
  EXPECT_EQ(data_folder({}), std::nullopt);
}

}  // namespace
}  // namespace oko
