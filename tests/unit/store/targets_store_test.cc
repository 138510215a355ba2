#include "tests/unit/store/store_fixture.h"

namespace weir::store {
namespace {

class TargetsStoreTest : public StoreTest {
 protected:
  TargetsStoreTest() {
    add_account("acc_1");
    add_account("acc_2");
  }
  std::vector<std::string> list(TargetFilter filter, PageRequest page = {}) {
    filter.account_id = filter.account_id.empty() ? "acc_1" : filter.account_id;
    std::vector<std::string> ids;
    for (const auto& target : read([&](Transaction& t) { return list_targets(t, filter, page); }).items) {
      ids.push_back(target.id);
    }
    return ids;
  }
};

TEST_F(TargetsStoreTest, EveryFieldComesBack) {
  TargetRow target;
  target.id = "tgt_1";
  target.account_id = "acc_1";
  target.created_by_key = "key_1";
  target.url = "https://a.test/";
  target.host = "a.test";
  target.port = 443;
  target.name = "Größe \"x\"";
  target.visibility = "public";
  target.is_self = true;
  target.scope_hosts = {"a.test", "b.test"};
  target.expected_ports = {443, 8443};
  target.tags = {"prod", "it's"};
  target.attestation = {{"by", "me"}};
  target.created_at = at_ms(1);
  target.updated_at = at_ms(2);
  write([&](Transaction& t) { return insert_target(t, target); });
  target.verification_state = "verified";
  target.verification = {{"method", "dns"}};
  target.tags = {"new"};
  write([&](Transaction& t) { return update_target(t, target); });

  const TargetRow found = read([](Transaction& t) { return target_by_id(t, "acc_1", "tgt_1"); });

  EXPECT_EQ(found.created_by_key, "key_1");
  EXPECT_EQ(found.host, "a.test");
  EXPECT_EQ(found.port, 443);
  EXPECT_EQ(found.name, target.name);
  EXPECT_TRUE(found.is_self);
  EXPECT_EQ(found.scope_hosts, target.scope_hosts);
  EXPECT_EQ(found.expected_ports, target.expected_ports);
  EXPECT_EQ(found.tags, target.tags);
  EXPECT_EQ(found.verification_state, "verified");
  EXPECT_EQ(found.verification, target.verification);
  EXPECT_EQ(found.attestation, target.attestation);
  EXPECT_EQ(found.created_at, at_ms(1));
}

TEST_F(TargetsStoreTest, ATargetOfAnotherAccountIsNotFound) {
  add_target("acc_1", "tgt_1");

  EXPECT_EQ(refusal([](Transaction& t) { return target_by_id(t, "acc_2", "tgt_1"); }), ErrorCode::not_found);
  EXPECT_EQ(refusal([](Transaction& t) { return archive_target(t, "acc_2", "tgt_1", at_ms(1)); }),
            ErrorCode::not_found);
}

TEST_F(TargetsStoreTest, AnArchivedTargetIsGoneAndItsAddressFree) {
  add_target("acc_1", "tgt_1");
  const std::string url = "https://tgt_1.test/";
  EXPECT_EQ(read([&](Transaction& t) { return target_by_url(t, "acc_1", url); })->id, "tgt_1");
  const auto again = [&](Transaction& t) {
    TargetRow target;
    target.id = "tgt_2";
    target.account_id = "acc_1";
    target.url = url;
    return insert_target(t, target);
  };
  EXPECT_EQ(refusal(again), ErrorCode::conflict);

  write([](Transaction& t) { return archive_target(t, "acc_1", "tgt_1", at_ms(1)); });

  EXPECT_FALSE(read([&](Transaction& t) { return target_by_url(t, "acc_1", url); }));
  EXPECT_EQ(read([](Transaction& t) { return count_targets(t, "acc_1"); }), 0);
  write(again);
  EXPECT_EQ(list({}), (std::vector<std::string>{"tgt_2"}));
}

TEST_F(TargetsStoreTest, PagesAreNewestFirstAndJoinWithoutGapOrRepeat) {
  for (int i = 0; i < 7; ++i) add_target("acc_1", "tgt_" + std::to_string(i));
  add_target("acc_2", "tgt_x");

  std::vector<std::string> ids;
  PageRequest request{.limit = 3, .after_id = ""};
  int pages = 0;
  for (std::optional<std::string> after = ""; after; ++pages) {
    request.after_id = *after;
    const auto page =
        read([&](Transaction& t) { return list_targets(t, {.account_id = "acc_1", .query = "", .tag = ""}, request); });
    for (const auto& target : page.items) ids.push_back(target.id);
    after = page.next_after_id;
  }

  EXPECT_EQ(pages, 3);
  EXPECT_EQ(ids, (std::vector<std::string>{"tgt_6", "tgt_5", "tgt_4", "tgt_3", "tgt_2", "tgt_1", "tgt_0"}));
}

TEST_F(TargetsStoreTest, FiltersTakeTextLiterally) {
  for (const auto& [id, name, tag] : std::vector<std::tuple<std::string, std::string, std::string>>{
           {"tgt_1", "100% Shop", "prod"}, {"tgt_2", "100 shops", "pro"}, {"tgt_3", "under_score", "a\"b"}}) {
    write([&](Transaction& t) {
      TargetRow target;
      target.id = id;
      target.account_id = "acc_1";
      target.url = "https://" + id.substr(4) + ".test/";
      target.name = name;
      target.tags = {tag};
      return insert_target(t, target);
    });
  }

  EXPECT_EQ(list({.account_id = "", .query = "100%", .tag = ""}), (std::vector<std::string>{"tgt_1"}));
  EXPECT_EQ(list({.account_id = "", .query = "SHOP", .tag = ""}), (std::vector<std::string>{"tgt_2", "tgt_1"}));
  EXPECT_EQ(list({.account_id = "", .query = "r_s", .tag = ""}), (std::vector<std::string>{"tgt_3"}));
  EXPECT_EQ(list({.account_id = "", .query = "2.TEST", .tag = ""}), (std::vector<std::string>{"tgt_2"}));
  EXPECT_EQ(list({.account_id = "", .query = "", .tag = "pro"}), (std::vector<std::string>{"tgt_2"}));
  EXPECT_EQ(list({.account_id = "", .query = "", .tag = "a\"b"}), (std::vector<std::string>{"tgt_3"}));
}

}  // namespace
}  // namespace weir::store
