// Resources: texts and bytes that a host may read by URI. The seam to whoever has them, and the three methods over it.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "server/mcp/watch.h"
#include "tools/call_context.h"

namespace weir::mcp {

class Call;
struct Dispatch;

// Not thread-safe: a value.
struct Resource {
  std::string uri;
  std::string name;
  std::string title;
  std::string description;
  std::string media_type;
};

// Not thread-safe: a value.
struct ResourceTemplate {
  std::string uri_template;  // RFC 6570 level 1: "weir://checks/{check_id}"
  std::string name;
  std::string title;
  std::string description;
  std::string media_type;
};

// Not thread-safe: a value.
struct ResourceContent {
  std::string uri;
  std::string media_type;
  std::string bytes;
  bool is_text = true;  // else sent as base64
};

// Not thread-safe: a value.
struct ResourcePage {
  std::vector<Resource> items;
  std::optional<std::string> next_cursor;  // opaque to the client
};

// What is being typed: the variable of a template or the argument of a prompt, and what is typed so far.
struct CompletionRequest {
  std::string argument;
  std::string value;
};

// Thread-safe.
class ResourceProvider {
 public:
  virtual ~ResourceProvider() = default;
  // What the caller may see, "" for the first page. Returns bad_request or validation_failed for a cursor that is none.
  // Blocks for the database.
  virtual Result<ResourcePage> list(const tools::CallContext& context, const std::string& cursor) const = 0;
  [[nodiscard]] virtual std::vector<ResourceTemplate> templates() const = 0;
  // What the gate demands before read() is called.
  [[nodiscard]] virtual tools::Scope scope_of(std::string_view uri) const = 0;
  // Returns not_found for what is none, does not exist or is another account's. Blocks for the database.
  virtual Result<std::vector<ResourceContent>> read(const tools::CallContext& context,
                                                    const std::string& uri) const = 0;
  // Every value that fits so far, the likeliest first; none for what cannot be completed. Blocks for the database.
  virtual Result<std::vector<std::string>> complete(const tools::CallContext& context, const std::string& uri_template,
                                                    const CompletionRequest& request) const = 0;
  // Calls `changed`, which must not block, each time the resource has changed; null if it cannot be watched or is not
  // the caller's. Blocks for the database.
  virtual std::shared_ptr<Watch> watch(const tools::CallContext& context, const std::string& uri,
                                       std::function<void()> changed) const = 0;
};

void handle_resources_list(const Dispatch& dispatch, const std::shared_ptr<Call>& call);
void handle_resource_templates_list(const Dispatch& dispatch, const std::shared_ptr<Call>& call);
void handle_resources_read(const Dispatch& dispatch, const std::shared_ptr<Call>& call);

}  // namespace weir::mcp
