#include "tools/access.h"

#include "tools/call_context.h"

namespace weir::tools {
namespace {

Scopes scopes(const std::vector<std::string>& names) { return Scopes::parse(names).value(); }

TEST(ScopesTest, EveryScopeIsSpeltAsItIsParsed) {
  for (int number = 1; number <= static_cast<int>(Scope::admin); ++number) {
    const auto scope = static_cast<Scope>(number);
    const std::string name(to_string(scope));
    EXPECT_TRUE(scopes({name}).allows(scope)) << name;
    EXPECT_EQ(scopes({name}).names(), std::vector<std::string>{name});
  }
}

TEST(ScopesTest, AWriteOrRunScopeDoesNotIncludeItsReadScope) {
  EXPECT_FALSE(scopes({"targets:write"}).allows(Scope::targets_read));
  EXPECT_FALSE(scopes({"scans:run"}).allows(Scope::scans_read));
}

TEST(ScopesTest, ReadIsEveryReadScopeAndNothingElse) {
  EXPECT_EQ(scopes({"read"}).names(),
            (std::vector<std::string>{"targets:read", "scans:read", "findings:read", "agents:read", "runs:read"}));
}

TEST(ScopesTest, WriteIsEverythingButAdminAndApprovals) {
  const Scopes write = scopes({"write"});

  EXPECT_TRUE(write.allows(Scope::scans_run));
  EXPECT_TRUE(write.allows(Scope::scans_read));
  EXPECT_TRUE(write.allows(Scope::webhooks_write));
  EXPECT_FALSE(write.allows(Scope::runs_approve));
  EXPECT_FALSE(write.allows(Scope::admin));
}

TEST(ScopesTest, AdminIncludesEveryOtherAndNoScopeAllowsOnlyNone) {
  EXPECT_TRUE(scopes({"admin"}).allows(Scope::runs_approve));
  EXPECT_TRUE(Scopes().allows(Scope::none));
  EXPECT_FALSE(Scopes().allows(Scope::targets_read));
}

TEST(ScopesTest, AnUnknownScopeIsNamedWithTheKnownOnes) {
  const auto parsed = Scopes::parse(std::vector<std::string>{"scans:read", "scan:reed"});

  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().code, ErrorCode::validation_failed);
  EXPECT_THAT(parsed.error().message, ::testing::HasSubstr("\"scan:reed\" is not a scope"));
  EXPECT_THAT(parsed.error().message, ::testing::HasSubstr("findings:write"));
  EXPECT_EQ(parsed.error().fields.at(0).field, "scopes");
}

TEST(SurfaceTest, NamesAreWireNames) {
  EXPECT_EQ(to_string(Surface::rest), "rest");
  EXPECT_EQ(to_string(Surface::mcp), "mcp");
  EXPECT_EQ(to_string(Surface::cli), "cli");
  EXPECT_EQ(to_string(Surface::run), "run");
}

}  // namespace
}  // namespace weir::tools
