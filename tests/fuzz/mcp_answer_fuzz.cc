// libFuzzer entry for what an external MCP server sends: a message, and what its result or list of tools becomes. Whatever the
// bytes, nothing crashes, every bound holds, and a list that can be pinned reads back with the same hash.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "tools/mcp_servers/rpc_message.h"
#include "tools/mcp_servers/server_spec.h"
#include "tools/mcp_servers/tool_answer.h"
#include "tools/mcp_servers/tool_list.h"

namespace {

using namespace weir::tools::mcp_servers;

void check_list(const weir::Json& listed) {
  if (!listed.is_array() || listed.size() > kToolsMax) return;
  const auto list = ToolList::from_listing(listed.get<std::vector<weir::Json>>(), "other");
  if (!list) return;
  const auto again = ToolList::from_pinned(list->pinned(), "other");
  CHECK(again && again->sha256() == list->sha256(), "what is stored is what was approved");
  for (const RemoteTool& tool : list->tools()) {
    if (!tool.unusable.empty()) continue;
    const auto callable = callable_tool("other", tool);
    CHECK(callable.name.size() <= kCallableNameBytesMax, "a name that models can say");
    CHECK(callable.description.size() <= kDescriptionBytesMax, "a bounded description");
    CHECK(split_name(callable.name).first == "other" && split_name(callable.name).second == tool.name,
          "a name that leads back");
  }
}

void check_answer(const weir::Json& result) {
  const auto answer = tool_answer(result, "other__tool", {});
  if (!answer) return;
  CHECK(answer->structured.at("text").get<std::string>().size() <= kResultBytesMax, "a bounded text");
  CHECK(weir::parse_json(weir::to_text(answer->structured)).has_value(), "an answer reads back");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto messages = read_messages({reinterpret_cast<const char*>(data), size});
  if (!messages) return 0;
  CHECK(!messages->empty() && messages->size() <= kBatchMax, "a bounded number of messages");
  for (const Incoming& message : *messages) {
    if (message.error) CHECK(message.error->message.size() <= 4 * kErrorMessageBytesMax + 16, "a bounded message");
    if (message.kind != Incoming::Kind::response || message.error) continue;
    check_answer(message.result);
    if (const weir::Json* tools = weir::find_member(message.result, "tools")) check_list(*tools);
  }
  return 0;
}
