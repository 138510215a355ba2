#include "tests/unit/scan_engine/sites.h"
#include "tools/scans/probe.h"
#include "tools/scans/scan_engine.h"

namespace weir::tools::scans {
namespace {

std::vector<std::string> ids(Profile profile, const std::vector<std::string>& names = {}) {
  std::vector<std::string> result;
  const auto selected = select_checks(profile, names);
  for (const Check* check : selected.value()) result.emplace_back(check->rule.id);
  return result;
}

TEST(SelectionTest, PassiveIsPartOfQuickAndQuickOfFull) {
  const auto passive = ids(Profile::passive);
  const auto quick = ids(Profile::quick);

  EXPECT_EQ(passive.size() + 3, quick.size());
  EXPECT_EQ(ids(Profile::full).size(), catalogue().size());
  EXPECT_EQ(std::ranges::count(passive, "tls.tls10"), 0);
  EXPECT_EQ(std::ranges::count(quick, "tls.tls10"), 1);
}

TEST(SelectionTest, NamesAreIdsOrGroupsAndKeepTheOrderOfTheCatalogue) {
  EXPECT_EQ(ids(Profile::custom, {"tls.tls11", "redir.loop", "tls.tls11"}),
            (std::vector<std::string>{"redir.loop", "tls.tls11"}));
  EXPECT_EQ(ids(Profile::custom, {"cookies"}).size(), 7U);
  EXPECT_EQ(ids(Profile::passive, {"tls"}), (std::vector<std::string>{"tls.absent", "tls.no_modern"}));
}

TEST(SelectionTest, AnUnknownNameIsNamedWithWhatIsNear) {
  const auto selected = select_checks(Profile::custom, {"cookies", "cookie.sekure"});

  ASSERT_FALSE(selected);
  EXPECT_EQ(selected.error().code, ErrorCode::validation_failed);
  EXPECT_NE(selected.error().message.find("\"cookie.sekure\""), std::string::npos) << selected.error().message;
  EXPECT_NE(selected.error().message.find("cookie.secure"), std::string::npos) << selected.error().message;
}

TEST(SelectionTest, RefusesWhatTheProfileDoesNotHave) {
  const auto selected = select_checks(Profile::passive, {"tls.tls10"});

  ASSERT_FALSE(selected);
  EXPECT_NE(selected.error().message.find("quick"), std::string::npos) << selected.error().message;
  EXPECT_FALSE(select_checks(Profile::custom, {}));
}

TEST(SelectionTest, BudgetsGrowWithTheProfile) {
  EXPECT_EQ(budget_for(Profile::passive).http_requests_max, 20);
  EXPECT_EQ(budget_for(Profile::passive).tcp_connects_max, 4);
  EXPECT_EQ(budget_for(Profile::quick).http_requests_max, 150);
  EXPECT_EQ(budget_for(Profile::quick).tcp_connects_max, 60);
  EXPECT_EQ(budget_for(Profile::full).http_requests_max, 600);
  EXPECT_EQ(budget_for(Profile::full).tcp_connects_max, 250);
}

TEST(SelectionTest, OnlyWhatTheChecksNeedIsProbed) {
  const auto few = wishes_of(select_checks(Profile::custom, {"headers"}).value());
  const auto passive = wishes_of(select_checks(Profile::passive, {}).value());

  EXPECT_FALSE(few.robots || few.security_txt || few.tls_versions);
  EXPECT_TRUE(passive.robots && passive.security_txt);
  EXPECT_FALSE(passive.tls_versions);
  EXPECT_TRUE(wishes_of(select_checks(Profile::custom, {"tls.no_tls13"}).value()).tls_versions);
}

TEST(SelectionTest, ACompanionPortIsTheOnlyOtherOneExpected) {
  const auto odd = url_of("http://a.example:8080/");

  EXPECT_EQ(companion_port_of(odd, {8080, 8443}), 8443);
  EXPECT_EQ(companion_port_of(odd, {22, 8443}), 8443);
  EXPECT_EQ(companion_port_of(odd, {22, 80, 443}), std::nullopt) << "which of two would be a guess";
  EXPECT_EQ(companion_port_of(odd, {8080}), std::nullopt);
  EXPECT_EQ(companion_port_of(url_of("https://a.example/"), {443, 8080}), std::nullopt) << "80 is implied";
}

}  // namespace
}  // namespace weir::tools::scans
