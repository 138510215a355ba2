#include "server/mcp_server_config.h"

#include <gmock/gmock.h>

#include <fstream>

#include "server/config.h"
#include "tests/support/temp_dir.h"

namespace weir::server {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pair;

class McpServerConfigTest : public ::testing::Test {
 protected:
  Result<Config> from_toml(const std::string& text) {
    const std::string path = (folder_.path() / "weir.toml").string();
    std::ofstream(path) << text;
    ConfigSources sources;
    sources.file = path;
    return load_config(sources);
  }
  std::string complaint_about(const std::string& text) {
    const auto config = from_toml("[mcp_servers.other]\n" + text + "\n");
    return config ? "no complaint" : config.error().message;
  }
  Result<std::vector<tools::mcp_servers::ServerSpec>> specs(const std::string& text) {
    const auto config = from_toml(text);
    EXPECT_TRUE(config) << config.error().message;
    return mcp_server_specs(config->mcp_servers, [this](const char* name) -> const char* {
      const auto found = variables_.find(name);
      return found == variables_.end() ? nullptr : found->second.c_str();
    });
  }

  testing::TempDir folder_;
  std::map<std::string, std::string> variables_;
};

TEST_F(McpServerConfigTest, ServersOfBothKindsAreRead) {
  variables_ = {{"TOKEN", "t1"}, {"HOME", "/there"}};
  const std::string file = (folder_.path() / "secret").string();
  std::ofstream(file) << "s3cret\n";

  const auto read = specs(R"(
[mcp_servers.github]
url = "https://tools.example/mcp"
headers = { Authorization = "Bearer ${env:TOKEN}", X-Toolsets = "repos,issues" }
timeout_ms = 5000
[mcp_servers.files]
command = ["/usr/bin/files", "--comma", "a,b", "with space"]
env = ["HOME", "ABSENT", "MODE=quiet, please", "KEY=${file:)" +
                          file + R"(}"]
cwd = "/srv"
[mcp_servers.off]
command = ["/usr/bin/off"]
enabled = false
)");

  ASSERT_TRUE(read) << read.error().message;
  ASSERT_EQ(read->size(), 2U);
  const auto& files = read->at(0);
  EXPECT_EQ(files.alias, "files");
  EXPECT_THAT(files.command, ElementsAre("/usr/bin/files", "--comma", "a,b", "with space"));
  EXPECT_THAT(files.environment,
              ElementsAre(Pair("HOME", "/there"), Pair("MODE", "quiet, please"), Pair("KEY", "s3cret")));
  EXPECT_EQ(files.folder, "/srv");
  const auto& github = read->at(1);
  EXPECT_EQ(github.url->to_text(), "https://tools.example/mcp");
  EXPECT_THAT(github.headers, ElementsAre(Pair("Authorization", "Bearer t1"), Pair("X-Toolsets", "repos,issues")));
  EXPECT_EQ(github.timeout, std::chrono::milliseconds{5'000});
}

TEST_F(McpServerConfigTest, ASecretThatCannotBeHadStopsTheStart) {
  const auto read = specs(
      "[mcp_servers.a]\nurl = \"https://a.example/mcp\"\nheaders = { Authorization = \"Bearer ${env:NOT_SET}\" }\n");

  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().message,
            "Bad setting mcp_servers.a.headers.Authorization: it names the variable NOT_SET, which is not set.");
}

TEST_F(McpServerConfigTest, ASecretInTheFileIsRefusedAndNotRepeated) {
  const std::string complaint =
      complaint_about("url = \"https://a.example/mcp\"\nheaders = { X-Api-Key = \"abc123secret\" }");

  EXPECT_THAT(complaint, HasSubstr("mcp_servers.other.headers.X-Api-Key"));
  EXPECT_THAT(complaint, HasSubstr("${env:"));
  EXPECT_THAT(complaint, Not(HasSubstr("abc123secret")));
}

TEST_F(McpServerConfigTest, MistakesAreNamed) {
  EXPECT_THAT(complaint_about("command = [\"npx\"]"), HasSubstr("absolute path"));
  EXPECT_THAT(complaint_about("comand = [\"/npx\"]"), HasSubstr("did you mean command?"));
  EXPECT_THAT(complaint_about("timeout_ms = 5"), HasSubstr("1000 to 600000"));
  EXPECT_THAT(complaint_about("enabled = false"), HasSubstr("needs url, or command"));
  EXPECT_THAT(complaint_about("command = [\"/a\"]\nenv = [\"WEIR_KEY\"]"), HasSubstr("not passed on"));
  EXPECT_THAT(complaint_about("command = [\"/a\"]\nenv = [\"no name\"]"), HasSubstr("names of variables"));
  EXPECT_THAT(complaint_about("url = \"ftp://a\""), HasSubstr("Streamable HTTP"));
  EXPECT_THAT(complaint_about("url = \"http://a.example/mcp\""), HasSubstr("plain http"));
  EXPECT_THAT(complaint_about("url = \"https://a.example/mcp\"\nheaders = { X-A = \"${env:A\" }"),
              HasSubstr("without }"));
  EXPECT_THAT(complaint_about("url = \"https://a.example/mcp\"\nheaders = { X-A = \"${A}\" }"),
              HasSubstr("${env:NAME}"));
  const auto config = from_toml("[mcp_servers.Other]\nurl = \"https://a.example/\"\n");
  ASSERT_FALSE(config);
  EXPECT_THAT(config.error().message, HasSubstr("lower-case letter"));
}

TEST_F(McpServerConfigTest, FlagsTakeListsAsJson) {
  ConfigSources sources;
  sources.flags = {{"mcp_servers.a.command", R"(["/bin/a","b,c"])"}};

  const auto config = load_config(sources);

  ASSERT_TRUE(config) << config.error().message;
  EXPECT_THAT(config->mcp_servers.at("a").command, ElementsAre("/bin/a", "b,c"));
}

TEST_F(McpServerConfigTest, ThereAreOnlySoMany) {
  std::string text;
  for (int i = 0; i < 17; ++i) text += "[mcp_servers.s" + std::to_string(i) + "]\ncommand = [\"/a\"]\n";

  const auto config = from_toml(text);

  ASSERT_FALSE(config);
  EXPECT_THAT(config.error().message, HasSubstr("one too many"));
}

}  // namespace
}  // namespace weir::server
