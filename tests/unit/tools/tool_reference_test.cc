#include "tools/tool_reference.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/unit/runs/runs_fixture.h"

namespace weir::tools {
namespace {

// With those that are there only where agents run.
using ToolReferenceTest = runs::RunToolsTest;

// UPDATE_GOLDEN=1 rewrites the page.
TEST_F(ToolReferenceTest, TheCommittedPageIsTheTablesProjection) {
  const char* const root = std::getenv("WEIR_SOURCE_DIR");
  ASSERT_NE(root, nullptr) << "run with ctest, or set WEIR_SOURCE_DIR";
  const std::filesystem::path page = std::filesystem::path(root) / "docs/reference/tools.md";
  const std::string rendered = tool_reference(catalog_->tools());
  if (std::getenv("UPDATE_GOLDEN") != nullptr) {
    std::filesystem::create_directories(page.parent_path());
    std::ofstream(page) << rendered;
  }

  std::ifstream file(page);
  std::stringstream committed;
  committed << file.rdbuf();

  EXPECT_TRUE(committed.str() == rendered)
      << "docs/reference/tools.md is out of date: run the test with UPDATE_GOLDEN=1";
}

}  // namespace
}  // namespace weir::tools
