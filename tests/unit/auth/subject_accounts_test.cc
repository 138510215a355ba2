#include "server/auth/subject_accounts.h"

#include <gtest/gtest.h>

#include "server/key_admin.h"
#include "tests/unit/gate/gate_fixture.h"

namespace weir::auth {
namespace {

// Not thread-safe: owned by a test.
class SubjectAccountsTest : public server::testing::GateFixture {
 protected:
  Result<store::KeyWithAccount> row_of(const std::string& subject,
                                       const std::string& issuer = "https://issuer.example") {
    SubjectAccounts accounts(settings_, *database_, clock_, ids_);
    return accounts.find_or_make({.issuer = issuer, .subject = subject, .scopes = {}, .expires_at = clock_.now()});
  }
  Settings settings_;
};

TEST_F(SubjectAccountsTest, ASubjectGetsAnAccountOfTheTierAtItsFirstCallAndKeepsIt) {
  settings_.tier = "starter";
  const auto first = row_of("ann");
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ(first->account.tier, "starter");
  EXPECT_EQ(first->account.name, "oauth:ann");
  EXPECT_TRUE(first->key.scopes.empty());
  const auto again = row_of("ann");
  ASSERT_TRUE(again);
  EXPECT_EQ(again->key.id, first->key.id);
}

TEST_F(SubjectAccountsTest, TheSameNameAtAnotherIssuerIsSomebodyElse) {
  const auto one = row_of("ann");
  const auto other = row_of("ann", "https://other.example");
  ASSERT_TRUE(one && other);
  EXPECT_NE(one->account.id, other->account.id);
  EXPECT_NE(one->account.name, other->account.name);
}

TEST_F(SubjectAccountsTest, ASubjectNeverGetsAnAccountThatWasThereBefore) {
  const auto existing = create({.account = "oauth:ann", .tier = "admin", .name = "x", .scopes = {"admin"}});
  const auto made = row_of("ann");
  ASSERT_TRUE(made);
  EXPECT_NE(made->account.id, existing.account.id);
  EXPECT_EQ(made->account.tier, "free");
}

TEST_F(SubjectAccountsTest, MappedSubjectsShareAnAccountBeyondTheNumberOfKeys) {
  create({.account = "team", .tier = "pro", .name = "x"});
  for (int i = 0; i < 2 * store::kActiveKeysMax; ++i)
    settings_.account_map.push_back("s" + std::to_string(i) + "=team");
  for (int i = 0; i < 2 * store::kActiveKeysMax; ++i) {
    const auto row = row_of("s" + std::to_string(i));
    ASSERT_TRUE(row) << row.error().message;
    EXPECT_EQ(row->account.name, "team");
  }
  // Nor do they take the place of keys.
  for (int i = 1; i < store::kActiveKeysMax; ++i) create({.account = "team", .name = "k"});
}

TEST_F(SubjectAccountsTest, AMapToAnAccountThatDoesNotExistIsAMistakeOfTheOperator) {
  settings_.account_map = {"ann=nobody"};
  const auto row = row_of("ann");
  ASSERT_FALSE(row);
  EXPECT_EQ(row.error().code, ErrorCode::forbidden);
  EXPECT_NE(row.error().message.find("nobody"), std::string::npos);
}

TEST_F(SubjectAccountsTest, UnknownSubjectsMayBeRefused) {
  settings_.unknown_subjects = UnknownSubjects::refuse;
  const auto row = row_of("ann");
  ASSERT_FALSE(row);
  EXPECT_EQ(row.error().code, ErrorCode::forbidden);
}

TEST_F(SubjectAccountsTest, ASubjectCannotBeRotatedIntoAKey) {
  const auto row = row_of("ann");
  ASSERT_TRUE(row);
  const auto rotated = admin_->rotate_key(row->key.id, std::chrono::hours{1}, "cli");
  ASSERT_FALSE(rotated);
  EXPECT_EQ(rotated.error().code, ErrorCode::conflict);
}

TEST_F(SubjectAccountsTest, SubjectsThatCannotBeShownAreNamedByTheirDigest) {
  const auto row = row_of("line\nfeed \"quoted\"");
  ASSERT_TRUE(row);
  EXPECT_EQ(row->account.name.find('\n'), std::string::npos);
  EXPECT_TRUE(row->account.name.starts_with("oauth:"));
}

}  // namespace
}  // namespace weir::auth
