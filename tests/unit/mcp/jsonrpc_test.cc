#include "server/mcp/jsonrpc.h"

namespace weir::mcp {
namespace {

Fault fault_of(std::string_view text) {
  auto parsed = parse_body(text);
  const auto* fault = std::get_if<Fault>(&parsed);
  return fault == nullptr ? Fault{nullptr, {0, "no fault"}} : *fault;
}

Message message_of(std::string_view text) {
  auto parsed = parse_body(text);
  return std::get<Message>(std::get<Body>(parsed).elements.at(0));
}

TEST(JsonRpcTest, ReadsARequest) {
  const Message message = message_of(R"({"jsonrpc":"2.0","id":7,"method":"ping","params":{"a":1}})");

  EXPECT_EQ(message.kind, Message::Kind::request);
  EXPECT_EQ(message.id, 7);
  EXPECT_EQ(message.method, "ping");
  EXPECT_EQ(message.params, Json({{"a", 1}}));
}

TEST(JsonRpcTest, TakesNullForNoParams) {
  EXPECT_EQ(message_of(R"({"jsonrpc":"2.0","id":7,"method":"ping","params":null})").params, Json::object());
}

TEST(JsonRpcTest, KeepsTheTypeOfAnId) {
  EXPECT_EQ(message_of(R"({"jsonrpc":"2.0","id":"7","method":"ping"})").id, "7");
}

TEST(JsonRpcTest, ReadsANotificationByItsMissingId) {
  EXPECT_EQ(message_of(R"({"jsonrpc":"2.0","method":"notifications/initialized"})").kind, Message::Kind::notification);
}

TEST(JsonRpcTest, ReadsAResponseByItsResultOrError) {
  EXPECT_EQ(message_of(R"({"jsonrpc":"2.0","id":1,"result":{}})").kind, Message::Kind::response);
  EXPECT_EQ(message_of(R"({"jsonrpc":"2.0","id":1,"error":{"code":1,"message":""}})").kind, Message::Kind::response);
}

TEST(JsonRpcTest, RefusesWhatIsNotJsonWithAParseErrorAndNoId) {
  for (const char* text : {"", "{", "{\"jsonrpc\":\"2.0\"", "nonsense", "{\"a\":\"\xff\"}"}) {
    const Fault fault = fault_of(text);
    EXPECT_EQ(fault.error.code, -32700) << text;
    EXPECT_EQ(fault.error.http_status, 400) << text;
    EXPECT_TRUE(fault.id.is_null()) << text;
  }
}

TEST(JsonRpcTest, RefusesTenThousandLevelsOfNesting) {
  EXPECT_EQ(fault_of(std::string(10'000, '[') + std::string(10'000, ']')).error.code, -32700);
}

TEST(JsonRpcTest, RefusesWhatIsNoMessage) {
  for (const char* text :
       {"1", "null", "\"x\"", "{}", R"({"jsonrpc":"1.0","id":1,"method":"ping"})", R"({"id":1,"method":"ping"})",
        R"({"jsonrpc":"2.0","id":null,"method":"ping"})", R"({"jsonrpc":"2.0","id":1.5,"method":"ping"})",
        R"({"jsonrpc":"2.0","id":{},"method":"ping"})", R"({"jsonrpc":"2.0","id":1,"method":5})",
        R"({"jsonrpc":"2.0","id":1,"method":"ping","params":[1]})", R"({"jsonrpc":"2.0","id":1})",
        R"({"jsonrpc":"2.0","result":{}})", R"({"jsonrpc":"2.0","id":1,"result":{},"error":{}})", "[]"}) {
    EXPECT_EQ(fault_of(text).error.code, -32600) << text;
    EXPECT_EQ(fault_of(text).error.http_status, 400) << text;
  }
}

TEST(JsonRpcTest, RefusesWhatIsNotExactlyOneDocumentOfJson) {
  const std::string good = R"({"jsonrpc":"2.0","id":1,"method":"ping"})";
  const std::string nested = std::string(kJsonDepthMax + 1, '[') + std::string(kJsonDepthMax + 1, ']');
  for (const std::string& text : {good + good, good + "x", good.substr(0, good.size() - 1), std::string("\0", 1) + good,
                                  std::string("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xC3\x28\"}"),
                                  R"({"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":)" + nested + "}}",
                                  std::string(R"({'jsonrpc':'2.0'})"), std::string("NaN")}) {
    EXPECT_EQ(fault_of(text).error.code, -32700) << text.substr(0, 80);
    EXPECT_TRUE(fault_of(text).id.is_null());
  }
}

// What is executed is also what the headers are compared with, so two readers of one message cannot be played off.
TEST(JsonRpcTest, OfTwoMembersWithOneNameTheLastCounts) {
  const auto parsed = parse_body(R"({"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/list","id":2})");

  const auto& message = std::get<Message>(std::get<Body>(parsed).elements[0]);
  EXPECT_EQ(message.method, "tools/list");
  EXPECT_EQ(message.id, 2);
}

TEST(JsonRpcTest, EchoesAReadableIdOfABadMessage) {
  EXPECT_EQ(fault_of(R"({"jsonrpc":"1.0","id":"a","method":"ping"})").id, "a");
}

TEST(JsonRpcTest, TakesABatchUpToItsCap) {
  std::string batch = "[";
  for (std::size_t i = 0; i < kBatchMax; ++i)
    batch += (i == 0 ? "" : ",") + std::string(R"({"jsonrpc":"2.0","id":1,"method":"ping"})");

  const auto full = parse_body(batch + "]");
  ASSERT_TRUE(std::holds_alternative<Body>(full));
  EXPECT_TRUE(std::get<Body>(full).is_batch);
  EXPECT_EQ(std::get<Body>(full).elements.size(), kBatchMax);
  EXPECT_EQ(fault_of(batch + R"(,{"jsonrpc":"2.0","id":1,"method":"ping"}])").error.code, -32600);
}

TEST(JsonRpcTest, BlamesABadElementOfABatchOnThatElement) {
  const auto parsed = parse_body(R"([{"jsonrpc":"2.0","id":1,"method":"ping"},7])");

  const auto& elements = std::get<Body>(parsed).elements;
  EXPECT_TRUE(std::holds_alternative<Message>(elements[0]));
  EXPECT_EQ(std::get<Fault>(elements[1]).error.code, -32600);
}

TEST(JsonRpcTest, LeavesOutDataThatIsNotThere) {
  EXPECT_EQ(to_text(error_message(1, {-32601, "no"})),
            R"({"error":{"code":-32601,"message":"no"},"id":1,"jsonrpc":"2.0"})");
  EXPECT_EQ(error_message(1, {-32601, "no", {{"a", 1}}})["error"]["data"], Json({{"a", 1}}));
}

}  // namespace
}  // namespace weir::mcp
