#include "limits/tiers.h"

namespace weir::limits {
namespace {

TEST(TiersTest, DefaultsAreTheDocumentedTable) {
  const Tiers tiers = Tiers::defaults();
  const auto limit = [&](std::string_view tier) { return tiers.quota_for(tier, std::nullopt).policies.at(0).limit; };

  EXPECT_EQ(limit("free"), 100U);
  EXPECT_EQ(limit("standard"), 120U);
  EXPECT_EQ(limit("starter"), 500U);
  EXPECT_EQ(limit("pro"), 1'000U);
  EXPECT_EQ(tiers.find("pro")->concurrent_scans, 5U);
  EXPECT_EQ(tiers.find("free")->daily_scans, 50U);
  EXPECT_EQ(tiers.find("gold"), nullptr);
  EXPECT_EQ(tiers.names(), "admin, custom, free, pro, standard, starter");
}

TEST(TiersTest, AdminIsUnlimitedAndHasNoPolicy) {
  const Quota quota = Tiers::defaults().quota_for("admin", std::nullopt);

  EXPECT_TRUE(quota.is_unlimited);
  EXPECT_TRUE(quota.policies.empty());
  EXPECT_EQ(quota.tier, "admin");
}

TEST(TiersTest, AnOverrideReplacesTheTiersLimitInBothDirections) {
  const Tiers tiers = Tiers::defaults();

  EXPECT_EQ(tiers.quota_for("free", 7).policies.at(0).limit, 7U);
  EXPECT_EQ(tiers.quota_for("free", 5'000).policies.at(0).limit, 5'000U);
  EXPECT_FALSE(tiers.quota_for("admin", 50).is_unlimited);
  EXPECT_EQ(tiers.quota_for("admin", 50).policies.at(0).limit, 50U);
}

TEST(TiersTest, CustomTakesItsOverrideAndIsTightWithoutOne) {
  const Tiers tiers = Tiers::defaults();

  EXPECT_EQ(tiers.quota_for("custom", 250).policies.at(0).limit, 250U);
  EXPECT_EQ(tiers.quota_for("custom", std::nullopt).policies.at(0).limit, 100U);
}

TEST(TiersTest, AnUnknownTierGetsTheTightestKnownOneAndNeverMore) {
  const Tiers tiers = Tiers::defaults();

  EXPECT_EQ(tiers.quota_for("gold", std::nullopt).policies.at(0).limit, 100U);
  EXPECT_EQ(tiers.quota_for("gold", 100'000).policies.at(0).limit, 100U);
  EXPECT_EQ(tiers.quota_for("gold", 3).policies.at(0).limit, 3U);
  EXPECT_EQ(tiers.quota_for("gold", std::nullopt).tier, "gold");
}

TEST(TiersTest, ImpossibleOverridesAreMovedIntoTheRange) {
  const Tiers tiers = Tiers::defaults();

  EXPECT_EQ(tiers.quota_for("free", 0).policies.at(0).limit, 1U);
  EXPECT_EQ(tiers.quota_for("free", -5).policies.at(0).limit, 1U);
  EXPECT_EQ(tiers.quota_for("free", INT64_MAX).policies.at(0).limit, 1'000'000U);
}

}  // namespace
}  // namespace weir::limits
