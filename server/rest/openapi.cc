#include "server/rest/openapi.h"

#include <algorithm>

#include "streaming/event_types.h"

namespace weir::rest {
namespace {

Json reference(std::string_view where) { return {{"$ref", "#/components/" + std::string(where)}}; }

std::vector<std::string> placeholders_of(const std::string& path) {
  std::vector<std::string> names;
  for (std::size_t at = path.find('{'); at != std::string::npos; at = path.find('{', at + 1)) {
    names.push_back(path.substr(at + 1, path.find('}', at) - at - 1));
  }
  return names;
}

Json parameter(const std::string& name, std::string_view where, const Json& schema, bool is_required) {
  Json parameter = {{"name", name}, {"in", where}, {"required", is_required}, {"schema", schema}};
  if (parameter["schema"].contains("description")) {
    parameter["description"] = parameter["schema"]["description"];
    parameter["schema"].erase("description");
  }
  if (where == "query" && schema.value("type", Json()) == "array") {
    // Comma-separated; repeating the name works as well.
    parameter["style"] = "form";
    parameter["explode"] = false;
  }
  return parameter;
}

bool is_required(const Json& schema, const std::string& name) {
  const Json* required = find_member(schema, "required");
  return required != nullptr && std::find(required->begin(), required->end(), name) != required->end();
}

Json error_responses() {
  Json responses = Json::object();
  for (const char* status : {"400", "401", "403", "404", "409", "415", "422", "429", "500", "503"}) {
    responses[status] =
        reference(std::string("responses/") + (std::string_view(status) == "429" ? "RateLimited" : "Error"));
  }
  return responses;
}

Json with_rate_headers(Json response) {
  for (const char* name : {"X-Request-ID", "X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"}) {
    response["headers"][name] = reference(std::string("headers/") + name);
  }
  return response;
}

Json tool_operation(const Route& route) {
  const tools::Tool& tool = *route.tool;
  const bool is_own_route = tool.rest && tool.rest->path == route.path;
  Json operation = {
      {"operationId", is_own_route ? tool.name : tool.name + "_of_scan"},
      {"summary", tool.title},
      {"description", tool.description},
      {"tags", Json::array({route.path.substr(4, route.path.find('/', 4) - 4)})},
      {"x-weir-cost", tool.cost},
      {"x-weir-scope", tools::to_string(tool.scope)},
      {"parameters", Json::array()},
  };
  const std::vector<std::string> in_path = placeholders_of(route.path);
  const Json& properties = tool.input_schema["properties"];
  const bool has_body = route.method == "POST" || route.method == "PATCH";
  Json body = tool.input_schema;
  for (const std::string& name : in_path) {
    operation["parameters"].push_back(parameter(name, "path", properties[name], true));
    body["properties"].erase(name);
    if (Json* required = body.contains("required") ? &body["required"] : nullptr) {
      required->erase(std::remove(required->begin(), required->end(), Json(name)), required->end());
      if (required->empty()) body.erase("required");
    }
  }
  if (has_body) {
    if (!body["properties"].empty()) {
      operation["requestBody"] = {{"required", body.contains("required")},
                                  {"content", {{"application/json", {{"schema", body}}}}}};
    }
    if (properties.contains("client_token")) operation["parameters"].push_back(reference("parameters/IdempotencyKey"));
  } else {
    for (const auto& [name, schema] : body["properties"].items()) {
      operation["parameters"].push_back(parameter(name, "query", schema, is_required(tool.input_schema, name)));
    }
  }
  operation["responses"] = error_responses();
  Json success = {{"description", tool.title}, {"content", {{"application/json", {{"schema", tool.output_schema}}}}}};
  if (tool.name == "get_report") {
    success["content"] = {{"text/markdown", {{"schema", {{"type", "string"}}}}},
                          {"application/json", {{"schema", {{"type", "object"}}}}}};
  }
  operation["responses"][std::to_string(route.status)] = with_rate_headers(std::move(success));
  return operation;
}

Json event_schema() {
  return {{"type", "object"},
          {"required", {"id", "seq", "type", "resource", "account", "ts", "data"}},
          {"properties",
           {{"id", {{"type", "string"}}},
            {"seq", {{"type", "integer"}}},
            {"type", {{"type", "string"}}},
            {"resource", {{"type", "string"}}},
            {"account", {{"type", "string"}}},
            {"ts", {{"type", "string"}}},
            {"data", {{"type", "object"}}}}}};
}

Json events_operation(const Route& route) {
  const bool is_account = route.kind == RouteKind::account_events;
  const std::string kind(route.resource_type);
  Json parameters = Json::array();
  if (!is_account) {
    parameters.push_back(parameter(placeholders_of(route.path).front(), "path",
                                   {{"type", "string"}, {"description", "The " + kind + "."}}, true));
  }
  const auto query = [&](const std::string& name, Json schema) {
    parameters.push_back(parameter(name, "query", std::move(schema), false));
  };
  query("types",
        {{"type", "string"}, {"description", "Only events of these types, comma-separated: scan.*, finding.new."}});
  if (is_account) query("resource", {{"type", "string"}, {"description", "Only events of this resource."}});
  query("after",
        {{"type", "string"}, {"description", "Events after this position: an event id of this stream, or a number."}});
  query("limit", {{"type", "integer"},
                  {"minimum", 1},
                  {"maximum", 500},
                  {"default", 100},
                  {"description", "Events per JSON page."}});
  query("token", {{"type", "string"}, {"description", "A stream token in place of a key, for browsers."}});
  parameters.push_back(parameter("Last-Event-ID", "header",
                                 {{"type", "string"}, {"description", "The last event id received."}}, false));
  const std::string what =
      is_account ? "everything of the account; it does not end" : "one " + kind + "; it ends after the terminal event";
  Json operation = {
      {"operationId", is_account ? "list_events" : "stream_" + kind + "_events"},
      {"summary", is_account ? "Follow the account" : "Follow a " + kind},
      {"description",
       "Server-Sent Events of " + what +
           ". First a `snapshot` event, then each event as it happens. Resume with "
           "Last-Event-ID or `after`: every later event comes once, or a `gap` event {requested, first_available} says "
           "that some are gone. With Accept: application/json the same events come as a page. An open stream costs "
           "one call."},
      {"tags", Json::array({is_account ? "events" : kind + "s"})},
      {"x-weir-cost", 1},
      {"x-weir-scope", tools::to_string(route.scope)},
      {"parameters", std::move(parameters)},
      {"responses", error_responses()},
  };
  operation["responses"]["200"] =
      with_rate_headers({{"description", "The events."},
                         {"content",
                          {{"text/event-stream", {{"schema", {{"type", "string"}}}}},
                           {"application/json", {{"schema", reference("schemas/EventPage")}}}}}});
  return operation;
}

// What a webhook endpoint is sent, one entry a type of event.
Json webhooks_section() {
  Json webhooks = Json::object();
  for (const streaming::EventType& type : streaming::event_types()) {
    Json schema = event_schema();
    schema["properties"]["type"]["const"] = type.name;
    schema["properties"]["data"] = type.schema;
    webhooks[type.name]["post"] = {
        {"operationId", "on_" + type.name},
        {"summary", type.summary},
        {"requestBody",
         {{"required", true},
          {"content",
           {{"application/json",
             {{"schema",
               {{"type", "object"},
                {"required", {"type", "timestamp", "data"}},
                {"properties",
                 {{"type", {{"type", "string"}, {"const", type.name}}},
                  {"timestamp", {{"type", "string"}}},
                  {"data", std::move(schema)}}}}}}}}}}},
        {"responses", {{"2XX", {{"description", "Delivered. Anything else is tried again."}}}}},
    };
  }
  return webhooks;
}

Json public_operation(const Route& route) {
  static const std::map<RouteKind, std::pair<std::string, std::string>> kWords = {
      {RouteKind::openapi, {"get_openapi", "This document"}},
      {RouteKind::healthz, {"get_health", "Whether the process is alive"}},
      {RouteKind::readyz, {"get_readiness", "Whether calls can be served"}},
      {RouteKind::metrics, {"get_metrics", "What the server counts, for Prometheus"}},
      {RouteKind::landing, {"get_landing", "Where things are"}},
  };
  const auto& [id, summary] = kWords.at(route.kind);
  Json operation = {
      {"operationId", id}, {"summary", summary}, {"tags", Json::array({"server"})}, {"security", Json::array()}};
  operation["responses"] = {
      {"200", {{"description", summary}, {"content", {{"application/json", {{"schema", {{"type", "object"}}}}}}}}}};
  if (route.kind == RouteKind::metrics) {
    operation["responses"]["200"]["content"] = {{"text/plain", {{"schema", {{"type", "string"}}}}}};
    if (!route.is_public) {
      operation.erase("security");  // as for everything else
      operation["description"] = "Needs the scope `admin`.";
      operation["responses"]["4XX"] = reference("responses/Error");
    }
  }
  if (route.kind == RouteKind::readyz) operation["responses"]["503"] = reference("responses/Error");
  return operation;
}

Json error_schema() {
  return {{"type", "object"},
          {"required", {"error", "message", "detail", "status", "request_id"}},
          {"properties",
           {{"error", {{"type", "string"}, {"description", "The code, for programs."}}},
            {"message", {{"type", "string"}, {"description", "What was wrong and what to do, for people."}}},
            {"detail", {{"type", "string"}, {"description", "The same as message."}}},
            {"status", {{"type", "integer"}, {"description", "The HTTP status."}}},
            {"request_id", {{"type", "string"}, {"description", "Finds the request in the server's log."}}},
            {"retryAfter", {{"type", "integer"}, {"description", "Seconds after which a repetition makes sense."}}},
            {"errors",
             {{"type", "array"},
              {"description", "Each wrong argument."},
              {"items",
               {{"type", "object"},
                {"required", {"field", "message"}},
                {"properties", {{"field", {{"type", "string"}}}, {"message", {{"type", "string"}}}}}}}}}}}};
}

Json components() {
  const auto header = [](std::string_view description, std::string_view type) {
    return Json{{"description", description}, {"schema", {{"type", type}}}};
  };
  const Json error_content = {{"application/json", {{"schema", reference("schemas/Error")}}}};
  Json limited = with_rate_headers(
      {{"description", "Too fast, or too much at once. Wait for Retry-After."}, {"content", error_content}});
  limited["headers"]["Retry-After"] = reference("headers/Retry-After");
  return {
      {"securitySchemes",
       {{"bearer", {{"type", "http"}, {"scheme", "bearer"}, {"description", "An API key, wk_..."}}},
        {"apiKey", {{"type", "apiKey"}, {"in", "header"}, {"name", "X-API-Key"}}}}},
      {"schemas",
       {{"Error", error_schema()},
        {"Event", event_schema()},
        {"EventPage",
         {{"type", "object"},
          {"required", {"data", "last_seq", "next_after", "gap"}},
          {"properties",
           {{"data", {{"type", "array"}, {"items", reference("schemas/Event")}}},
            {"last_seq",
             {{"type", "integer"},
              {"description", "The newest event there is: `after` of the next question, if next_after is null."}}},
            {"next_after",
             {{"type", {"integer", "null"}},
              {"description", "Ask again with after= this; null if there is no more now."}}},
            {"gap",
             {{"type", {"object", "null"}},
              {"description", "{requested, first_available} if events behind `after` are gone."}}}}}}}}},
      {"responses",
       {{"Error",
         with_rate_headers({{"description", "Refused or failed; the body says why."}, {"content", error_content}})},
        {"RateLimited", std::move(limited)}}},
      {"headers",
       {{"X-Request-ID", header("Names this request in the server's log; a caller's own is echoed.", "string")},
        {"X-RateLimit-Limit", header("Units per window.", "integer")},
        {"X-RateLimit-Remaining", header("Units left.", "integer")},
        {"X-RateLimit-Reset", header("When the next unit becomes free, in Unix seconds.", "integer")},
        {"Retry-After", header("Seconds until this very call would be admitted.", "integer")}}},
      {"parameters",
       {{"IdempotencyKey",
         {{"name", "Idempotency-Key"},
          {"in", "header"},
          {"required", false},
          {"description", "Makes a repetition of this very request safe for 24 hours."},
          {"schema", {{"type", "string"}, {"minLength", 1}, {"maxLength", 128}}}}}}},
  };
}

}  // namespace

Json openapi_document(const RouteTable& routes, const OpenApiSettings& settings) {
  Json document = {
      {"openapi", "3.1.0"},
      {"info",
       {{"title", "Weir"},
        {"version", settings.version},
        {"summary", "Rate-limited security scans over REST, SSE and MCP."},
        {"license", {{"name", "Apache-2.0"}, {"identifier", "Apache-2.0"}}}}},
      {"servers", Json::array({{{"url", settings.public_url}}})},
      {"security", Json::array({{{"bearer", Json::array()}}, {{"apiKey", Json::array()}}})},
      {"paths", Json::object()},
      {"webhooks", webhooks_section()},
      {"components", components()},
  };
  if (!settings.docs_url.empty()) document["externalDocs"] = {{"url", settings.docs_url}};
  for (const Route& route : routes.routes()) {
    std::string method = route.method;
    std::transform(method.begin(), method.end(), method.begin(),
                   [](char c) { return static_cast<char>(c + ('a' - 'A')); });
    Json& operation = document["paths"][route.path][method];
    if (route.kind == RouteKind::tool)
      operation = tool_operation(route);
    else if (route.kind == RouteKind::resource_events || route.kind == RouteKind::account_events)
      operation = events_operation(route);
    else
      operation = public_operation(route);
  }
  return document;
}

}  // namespace weir::rest
