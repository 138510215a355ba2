#include "server/rest/arguments.h"

#include <gtest/gtest.h>

#include "tools/parameters.h"

namespace weir::rest {
namespace {

namespace p = tools::parameters;

class ArgumentsTest : public ::testing::Test {
 protected:
  ArgumentsTest() {
    tool_.input_schema = p::arguments({{"id", p::text("An id.")},
                                       {"limit", p::integer("A number.")},
                                       {"deep", p::boolean("Or not.")},
                                       {"ports", p::list("Numbers.", p::integer("A port."))},
                                       {"tags", p::list("Words.", p::text("A word."))}});
    route_.tool = &tool_;
  }

  Result<Json> read(std::vector<std::pair<std::string, std::string>> query, const std::string& body = "",
                    const std::string& content_type = "application/json") {
    http::Request request;
    request.query = std::move(query);
    request.body = body;
    if (!content_type.empty()) request.headers.add("content-type", content_type);
    return arguments_of(request, route_, {{"id", "x1"}});
  }

  tools::Tool tool_;
  Route route_;
};

TEST_F(ArgumentsTest, TheQueryIsTypedByTheSchema) {
  EXPECT_EQ(*read({{"limit", "12"}, {"deep", "true"}, {"ports", "80,443"}, {"ports", "22"}, {"tags", "a"}}),
            (Json{{"id", "x1"}, {"limit", 12}, {"deep", true}, {"ports", {80, 443, 22}}, {"tags", {"a"}}}));
}

TEST_F(ArgumentsTest, TextThatIsNoNumberIsLeftForTheSchemaToRefuse) {
  EXPECT_EQ((*read({{"limit", "12x"}}))["limit"], "12x");
  EXPECT_EQ((*read({{"limit", "99999999999999999999"}}))["limit"], "99999999999999999999");
}

TEST_F(ArgumentsTest, AnArgumentComesFromOnePlace) {
  EXPECT_EQ(read({{"limit", "1"}, {"limit", "2"}}).error().fields[0].field, "limit");
  EXPECT_EQ(read({{"limit", "1"}}, R"({"limit":1})").error().code, ErrorCode::validation_failed);
  EXPECT_EQ(read({}, R"({"id":"other"})").error().code, ErrorCode::validation_failed);
  EXPECT_EQ((*read({{"limit", "1"}}, R"({"deep":true})")), (Json{{"id", "x1"}, {"limit", 1}, {"deep", true}}));
}

TEST_F(ArgumentsTest, ABodyIsJsonAndSaysSo) {
  EXPECT_EQ(read({}, "{}", "text/plain").error().code, ErrorCode::unsupported_media_type);
  EXPECT_EQ(read({}, "{}", "").error().code, ErrorCode::unsupported_media_type);
  EXPECT_TRUE(read({}, "{}", "Application/JSON; charset=utf-8"));
  EXPECT_EQ(read({}, "{").error().code, ErrorCode::bad_request);
  EXPECT_EQ(read({}, "[1]").error().code, ErrorCode::bad_request);
  EXPECT_EQ(read({}, std::string(10'000, '[')).error().code, ErrorCode::bad_request);
  EXPECT_TRUE(read({}, "", ""));
}

}  // namespace
}  // namespace weir::rest
