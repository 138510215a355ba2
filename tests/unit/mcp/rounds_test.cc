// Questions to the client (SEP-2322) across a restart.
#include "tests/unit/mcp/endpoint_fixture.h"

namespace weir::mcp {
namespace {

class RoundsTest : public EndpointTest {
 protected:
  RoundsTest() {
    McpTool asking;
    asking.declaration.name = asking.declaration.title = "ask";
    asking.declaration.description = "Asks for a name.";
    asking.declaration.input_schema = {{"type", "object"}};
    asking.handler = [](const std::shared_ptr<Interaction>& run) {
      if (run->state() == "asked" && run->responses().contains("name")) return run->answer(text_result("thanks"));
      run->ask({{"name", {{"method", "elicitation/create"}, {"params", {{"message", "Who?"}}}}}}, "asked");
    };
    Offers offers;
    offers.tools.push_back(std::move(asking));
    world_.offer(std::move(offers));
  }

  std::shared_ptr<FakeExchange> ask(Json more = Json::object()) {
    more["name"] = "ask";
    Json message = modern_body("tools/call", std::move(more));
    message["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"]["elicitation"] = Json::object();
    return post(to_text(message), {.has_modern_headers = true});
  }
};

TEST_F(RoundsTest, GoOnAfterARestart) {
  const Json first = result(ask());
  ASSERT_EQ(first["resultType"], "input_required");
  world_.reopen();

  const auto second =
      ask({{"requestState", first["requestState"]}, {"inputResponses", {{"name", {{"action", "accept"}}}}}});

  EXPECT_EQ(result(second)["content"][0]["text"], "thanks");
}

TEST_F(RoundsTest, DoNotGoOnWithAChangedState) {
  std::string state = result(ask())["requestState"];
  state.back() = state.back() == '0' ? '1' : '0';

  EXPECT_EQ(error_code(ask({{"requestState", state}})), -32602);
}

}  // namespace
}  // namespace weir::mcp
