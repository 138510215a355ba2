// A tool is declared once; MCP, REST, OpenAPI, the command line and the reference page are projections of it.
#pragma once
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "tools/access.h"
#include "tools/call_context.h"

namespace weir::tools {

// MCP's ToolAnnotations; all four are always stated, because the defaults assume the worst.
struct Annotations {
  bool is_read_only = false;
  bool is_destructive = false;
  bool is_idempotent = false;
  bool is_open_world = false;
};

// A text that is the answer itself (a report). REST sends it as is; MCP as a text block.
struct Document {
  std::string media_type;
  std::string text;
};

struct ToolResult;

// "Not yet: the answer comes when this resource has ended, or after this time." Holds no thread.
struct Waiting {
  std::string resource_id;
  std::chrono::milliseconds timeout{0};
  std::function<Result<ToolResult>()> finish;  // reads the answer; called once on the executor
};

struct ToolResult {
  Json structured = Json::object();  // fits the tool's output schema
  std::string summary;               // one or two sentences for a model or a log
  std::optional<Document> document;
  std::optional<Waiting> waiting;  // then the rest is ignored
  bool is_replayed = false;        // an idempotent call's stored answer
};

struct RestRoute {
  std::string method;  // "GET", "POST", "PATCH", "DELETE"
  std::string path;    // "/v1/scans/{scan_id}"; a placeholder is an argument's name
  int status = 200;    // of a success
};

// Immutable once in the catalog.
struct Tool {
  std::string name;
  std::string title;
  std::string description;  // for a model: what it does, when to use it, what it costs
  Json input_schema;        // root "object", additionalProperties false
  Json output_schema;       // root "object"
  Annotations annotations;
  Scope scope = Scope::none;
  std::uint32_t cost = 1;    // units of the minute window
  bool starts_scan = false;  // spends one of the day's scans, too
  std::optional<RestRoute> rest;
  // Arguments have been validated against input_schema and its defaults filled in. May block for the database.
  std::function<Result<ToolResult>(const CallContext&, const Json& arguments)> handler;
};

}  // namespace weir::tools
