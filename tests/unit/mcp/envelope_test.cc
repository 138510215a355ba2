#include "server/mcp/envelope.h"

#include "server/mcp/era.h"

namespace weir::mcp {
namespace {

Json meta_members() {
  return {{"io.modelcontextprotocol/protocolVersion", "2026-07-28"},
          {"io.modelcontextprotocol/clientCapabilities", Json::object()}};
}

Message request(const std::string& method, Json params) {
  Message message;
  message.id = "r1";
  message.method = method;
  message.params = std::move(params);
  return message;
}

http::Headers headers(std::vector<std::pair<std::string, std::string>> fields) {
  http::Headers out;
  for (auto& [name, value] : fields) out.add(name, value);
  return out;
}

// One wrong thing each, on top of a right tools/call; rows 9 to 12 of the validation order, and pairs of rows.
struct Case {
  const char* what;
  std::function<void(Json&)> change_meta;
  std::vector<std::pair<std::string, std::string>> headers;
  int code;
};

const std::vector<std::pair<std::string, std::string>> kRight{
    {"MCP-Protocol-Version", "2026-07-28"}, {"Mcp-Method", "tools/call"}, {"Mcp-Name", "say"}};

std::vector<Case> cases() {
  const auto nothing = [](Json&) {};
  const auto version = [](const char* value) {
    return [value](Json& meta) { meta["io.modelcontextprotocol/protocolVersion"] = value; };
  };
  const auto without = [](const char* name) { return [name](Json& meta) { meta.erase(name); }; };
  const auto set = [](const char* name, Json value) { return [name, value](Json& meta) { meta[name] = value; }; };
  const char* caps = "io.modelcontextprotocol/clientCapabilities";
  const char* vers = "io.modelcontextprotocol/protocolVersion";
  return {
      {"everything right", nothing, kRight, 0},
      {"header names without regard to case",
       nothing,
       {{"mcp-protocol-version", "2026-07-28"}, {"MCP-METHOD", "tools/call"}, {"mcp-name", " say "}},
       0},
      {"name in base64",
       nothing,
       {{"MCP-Protocol-Version", "2026-07-28"}, {"Mcp-Method", "tools/call"}, {"Mcp-Name", "=?base64?c2F5?="}},
       0},
      {"row 9: no version", without(vers), kRight, -32602},
      {"row 9: version of another type", set(vers, 5), kRight, -32602},
      {"row 9: no capabilities", without(caps), kRight, -32602},
      {"row 9: capabilities of another type", set(caps, Json::array()), kRight, -32602},
      {"row 9: client info of another type", set("io.modelcontextprotocol/clientInfo", "me"), kRight, -32602},
      {"row 9: unknown log level", set("io.modelcontextprotocol/logLevel", "loud"), kRight, -32602},
      {"row 9: progress token of another type", set("progressToken", Json::object()), kRight, -32602},
      {"row 9 before 10: no capabilities and another version in the header",
       without(caps),
       {{"MCP-Protocol-Version", "2025-11-25"}, {"Mcp-Method", "tools/call"}, {"Mcp-Name", "say"}},
       -32602},
      {"row 10: header and body disagree on the version",
       nothing,
       {{"MCP-Protocol-Version", "2025-11-25"}, {"Mcp-Method", "tools/call"}, {"Mcp-Name", "say"}},
       -32020},
      {"row 10 before 11: disagreement on an unknown version", version("2099-01-01"), kRight, -32020},
      {"row 10: header and body disagree on the method",
       nothing,
       {{"MCP-Protocol-Version", "2026-07-28"}, {"Mcp-Method", "tools/list"}, {"Mcp-Name", "say"}},
       -32020},
      {"row 10: methods are compared with case",
       nothing,
       {{"MCP-Protocol-Version", "2026-07-28"}, {"Mcp-Method", "Tools/Call"}, {"Mcp-Name", "say"}},
       -32020},
      {"row 10: a header twice",
       nothing,
       {{"MCP-Protocol-Version", "2026-07-28"},
        {"MCP-Protocol-Version", "2026-07-28"},
        {"Mcp-Method", "tools/call"},
        {"Mcp-Name", "say"}},
       -32020},
      {"row 11: unknown version",
       version("2099-01-01"),
       {{"MCP-Protocol-Version", "2099-01-01"}, {"Mcp-Method", "tools/call"}, {"Mcp-Name", "say"}},
       -32022},
      {"row 11: a version that needs a session",
       version("2025-11-25"),
       {{"MCP-Protocol-Version", "2025-11-25"}, {"Mcp-Method", "tools/call"}, {"Mcp-Name", "say"}},
       -32022},
      {"row 11 before 12: unknown version without headers", version("2099-01-01"), {}, -32022},
      {"row 12: no version header", nothing, {{"Mcp-Method", "tools/call"}, {"Mcp-Name", "say"}}, -32020},
      {"row 12: no method header", nothing, {{"MCP-Protocol-Version", "2026-07-28"}, {"Mcp-Name", "say"}}, -32020},
      {"row 12: no name header",
       nothing,
       {{"MCP-Protocol-Version", "2026-07-28"}, {"Mcp-Method", "tools/call"}},
       -32020},
      {"row 12: another name",
       nothing,
       {{"MCP-Protocol-Version", "2026-07-28"}, {"Mcp-Method", "tools/call"}, {"Mcp-Name", "Say"}},
       -32020},
      {"row 12: broken base64",
       nothing,
       {{"MCP-Protocol-Version", "2026-07-28"}, {"Mcp-Method", "tools/call"}, {"Mcp-Name", "=?base64?c2F5!?="}},
       -32020},
      {"row 12: base64 sentinel in capitals is a literal",
       nothing,
       {{"MCP-Protocol-Version", "2026-07-28"}, {"Mcp-Method", "tools/call"}, {"Mcp-Name", "=?BASE64?c2F5?="}},
       -32020},
  };
}

TEST(EnvelopeTest, AnswersEachRowInItsOrder) {
  for (const Case& each : cases()) {
    Json meta = meta_members();
    each.change_meta(meta);
    const auto checked =
        check_envelope(request("tools/call", {{"name", "say"}, {"_meta", meta}}), headers(each.headers));

    const auto* fault = std::get_if<Fault>(&checked);
    EXPECT_EQ(fault == nullptr ? 0 : fault->error.code, each.code)
        << each.what << (fault == nullptr ? "" : ": " + fault->error.message);
    if (fault == nullptr) continue;
    EXPECT_EQ(fault->error.http_status, 400) << each.what;
    EXPECT_EQ(fault->id, "r1") << each.what;
  }
}

TEST(EnvelopeTest, NamesTheMissingMember) {
  const auto checked =
      check_envelope(request("tools/list", Json::object()), headers({{"MCP-Protocol-Version", "2026-07-28"}}));

  EXPECT_THAT(std::get<Fault>(checked).error.message, ::testing::HasSubstr("io.modelcontextprotocol/protocolVersion"));
}

TEST(EnvelopeTest, TellsTheVersionsThatAreServed) {
  Json meta = meta_members();
  meta["io.modelcontextprotocol/protocolVersion"] = "1999-01-01";
  const auto checked = check_envelope(request("tools/list", {{"_meta", meta}}), {});

  EXPECT_EQ(std::get<Fault>(checked).error.data, Json({{"supported", {"2026-07-28"}}, {"requested", "1999-01-01"}}));
}

TEST(EnvelopeTest, LeavesANameThatIsNoStringToTheMethod) {
  const auto checked = check_envelope(request("tools/call", {{"name", 5}, {"_meta", meta_members()}}), headers(kRight));

  EXPECT_TRUE(std::holds_alternative<Envelope>(checked));
}

TEST(EnvelopeTest, DecodesOnlyTheExactSentinel) {
  EXPECT_EQ(decode_header_value("=?base64?aMOp?="), "h\xc3\xa9");
  EXPECT_EQ(decode_header_value("=?base64?aMOp"), "=?base64?aMOp");
  EXPECT_EQ(decode_header_value("plain"), "plain");
  EXPECT_EQ(decode_header_value("=?base64?aMO?="), std::nullopt);
}

// The eight rules of the era, each as the reference server decides it.
enum class Choice { modern, session, fault };
struct EraCase {
  const char* what;
  const char* body;
  const char* version_header;
  Choice choice;
  int code = 0;
};

constexpr const char* kEnvelope =
    R"("_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}})";

std::string with_envelope(std::string text) {
  const std::size_t at = text.find("$E");
  return at == std::string::npos ? text : text.replace(at, 2, kEnvelope);
}

TEST(EraTest, FollowsTheEightRules) {
  const std::vector<EraCase> cases{
      {"1: an envelope is modern", R"({"jsonrpc":"2.0","id":1,"method":"tools/list","params":{$E}})", "",
       Choice::modern},
      {"1: even with an old version in it",
       R"({"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2025-06-18"}}})",
       "", Choice::modern},
      {"1: even with a wrong type in it",
       R"({"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":5}}})",
       "", Choice::modern},
      {"2: initialize opens a session", R"({"jsonrpc":"2.0","id":1,"method":"initialize","params":{}})", "",
       Choice::session},
      {"2: initialize with a session version in the header",
       R"({"jsonrpc":"2.0","id":1,"method":"initialize","params":{}})", "2025-11-25", Choice::session},
      {"2: initialize that contradicts its header", R"({"jsonrpc":"2.0","id":1,"method":"initialize","params":{}})",
       "2026-07-28", Choice::fault, -32020},
      {"2: initialize with an envelope is modern", R"({"jsonrpc":"2.0","id":1,"method":"initialize","params":{$E}})",
       "2026-07-28", Choice::modern},
      {"2: initialize with half an envelope opens a session",
       R"({"jsonrpc":"2.0","id":1,"method":"initialize","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}})",
       "", Choice::session},
      {"3: a modern header without an envelope is held to the modern rules",
       R"({"jsonrpc":"2.0","id":1,"method":"tools/list"})", "2026-07-28", Choice::modern},
      {"4: neither is a session's", R"({"jsonrpc":"2.0","id":1,"method":"tools/list"})", "", Choice::session},
      {"4: nor is an unknown version in the header modern", R"({"jsonrpc":"2.0","id":1,"method":"tools/list"})",
       "2099-01-01", Choice::session},
      {"5: a notification by its envelope", R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{$E}})", "",
       Choice::modern},
      {"5: a notification by its header", R"({"jsonrpc":"2.0","method":"notifications/cancelled"})", "2026-07-28",
       Choice::modern},
      {"5: a notification by neither", R"({"jsonrpc":"2.0","method":"notifications/cancelled"})", "", Choice::session},
      {"6: a batch is a session's", R"([{"jsonrpc":"2.0","id":1,"method":"ping"}])", "", Choice::session},
      {"6: not with a modern element",
       R"([{"jsonrpc":"2.0","id":1,"method":"ping"},{"jsonrpc":"2.0","id":2,"method":"tools/list","params":{$E}}])", "",
       Choice::fault, -32600},
      {"6: nor with a modern header", R"([{"jsonrpc":"2.0","id":1,"method":"ping"}])", "2026-07-28", Choice::fault,
       -32600},
      {"7: a response is a session's", R"({"jsonrpc":"2.0","id":1,"result":{}})", "2025-11-25", Choice::session},
      {"7: not with a modern header", R"({"jsonrpc":"2.0","id":1,"result":{}})", "2026-07-28", Choice::fault, -32600},
  };
  for (const EraCase& each : cases) {
    const auto parsed = parse_body(with_envelope(each.body));
    ASSERT_TRUE(std::holds_alternative<Body>(parsed)) << each.what;
    http::Headers fields;
    if (*each.version_header != '\0') fields.add("MCP-Protocol-Version", each.version_header);
    const auto era = choose_era(std::get<Body>(parsed), fields);

    const auto* fault = std::get_if<Fault>(&era);
    const Choice choice = fault != nullptr                    ? Choice::fault
                          : std::get<Era>(era) == Era::modern ? Choice::modern
                                                              : Choice::session;
    EXPECT_EQ(choice, each.choice) << each.what;
    EXPECT_EQ(fault == nullptr ? 0 : fault->error.code, each.code) << each.what;
  }
}

}  // namespace
}  // namespace weir::mcp
