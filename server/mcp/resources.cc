#include "server/mcp/resources.h"

#include "base/hmac.h"
#include "base/log.h"
#include "server/mcp/call.h"
#include "server/mcp/dispatch.h"
#include "server/mcp/paging.h"

namespace weir::mcp {

namespace {

// Before 2026-07-28 a missing resource had a code of its own (MCP 2025-11-25 "Resources", "Error Handling").
constexpr int kResourceNotFound = -32002;

// What a host may believe without asking again: scans end and findings change at any time, templates with a release.
constexpr std::int64_t kListTtlMs = 5'000;
constexpr std::int64_t kReadTtlMs = 5'000;
constexpr std::int64_t kTemplatesTtlMs = 3'600'000;

template <typename Described>
void describe(Json& json, const Described& what, const Features& features) {
  json["name"] = what.name;
  if (features.has_titles && !what.title.empty()) json["title"] = what.title;
  if (!what.description.empty()) json["description"] = what.description;
  if (!what.media_type.empty()) json["mimeType"] = what.media_type;
}

Json content_json(const ResourceContent& content) {
  Json json{{"uri", content.uri}};
  if (!content.media_type.empty()) json["mimeType"] = content.media_type;
  if (content.is_text) {
    json["text"] = content.bytes;
  } else {
    json["blob"] = to_base64(content.bytes);
  }
  return json;
}

}  // namespace

void handle_resources_list(const Dispatch& dispatch, const std::shared_ptr<Call>& call) {
  const auto cursor = cursor_of(call->message);
  if (!cursor) return call->fail(unknown_cursor(call->message));
  auto page = dispatch.offers.resources->list(call->context(), *cursor);
  if (!page) {
    if (!cursor->empty() && page.error().code == ErrorCode::validation_failed)
      return call->fail(unknown_cursor(call->message));
    return call->fail(page.error());
  }
  const Features& features = features_of(call->revision);
  Json list = Json::array();
  for (const Resource& resource : page->items) {
    Json json{{"uri", resource.uri}};
    describe(json, resource, features);
    list.push_back(std::move(json));
  }
  Json result{{"resources", std::move(list)}};
  if (page->next_cursor) result["nextCursor"] = *page->next_cursor;
  add_caching(result, call->revision, kListTtlMs, "private");
  call->succeed(std::move(result));
}

void handle_resource_templates_list(const Dispatch& dispatch, const std::shared_ptr<Call>& call) {
  if (cursor_of(call->message) != "") return call->fail(unknown_cursor(call->message));
  const Features& features = features_of(call->revision);
  Json list = Json::array();
  for (const ResourceTemplate& each : dispatch.offers.resources->templates()) {
    Json json{{"uriTemplate", each.uri_template}};
    describe(json, each, features);
    list.push_back(std::move(json));
  }
  Json result{{"resourceTemplates", std::move(list)}};
  add_caching(result, call->revision, kTemplatesTtlMs, "public");
  call->succeed(std::move(result));
}

void handle_resources_read(const Dispatch& dispatch, const std::shared_ptr<Call>& call) {
  const auto uri = string_member(call->message.params, "uri");
  if (!uri) return call->fail({code::kInvalidParams, "Invalid params: resources/read needs a uri, a string"});
  auto contents = dispatch.offers.resources->read(call->context(), *uri);
  if (!contents) {
    if (contents.error().code != ErrorCode::not_found) return call->fail(contents.error());
    return call->fail({has_sessions(call->revision) ? kResourceNotFound : code::kInvalidParams,
                       "Resource not found: " + printable(*uri, 200),
                       {{"uri", *uri}}});
  }
  Json result{{"contents", Json::array()}};
  for (const ResourceContent& content : *contents) result["contents"].push_back(content_json(content));
  add_caching(result, call->revision, kReadTtlMs, "private");
  call->succeed(std::move(result));
}

}  // namespace weir::mcp
