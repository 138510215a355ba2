#include "tools/webhooks/webhook_request.h"

#include "base/ids.h"
#include "base/log.h"
#include "streaming/event_types.h"

namespace weir::tools {
namespace {

Error wrong(const std::string& field, const std::string& problem) {
  return Error(ErrorCode::validation_failed, field + " " + problem + ".").with_field(field, problem);
}

Error named(Error error, const std::string& field) {
  if (error.fields.empty()) error.fields.push_back({field, error.message});
  return error;
}

Error missing(std::string_view noun, std::string_view id, std::string_view where) {
  return Error(ErrorCode::not_found, "There is no " + std::string(noun) + " " + printable(id, 64) +
                                         " in this account. " + std::string(where) + " shows which there are.");
}

template <typename Row>
Result<Row> with_message(Result<Row> row, const Error& error) {
  if (!row && row.error().code == ErrorCode::not_found) return error;
  return row;
}

}  // namespace

Result<egress::Url> vetted_webhook_url(const Services& services, std::string_view text) {
  Result<egress::Url> url = egress::Url::parse(text);
  if (!url) return named(std::move(url).error(), "url");
  if (url->scheme != "https" && !services.webhooks.settings.allow_http) {
    return wrong("url",
                 "starts with http://; deliveries are only sent over https, so that nobody between can read or change "
                 "them. Give an https:// URL, or ask the operator for webhooks.allow_http = true");
  }
  const egress::AddressPolicy& policy = services.webhooks.policy;
  if (Result<void> allowed = policy.check_host_name(url->host); !allowed)
    return named(std::move(allowed).error(), "url");
  Result<std::vector<egress::IpAddress>> addresses = services.resolver.resolve(url->host);
  if (!addresses || addresses->empty()) {
    return wrong("url", "names the host " + url->host +
                            ", which does not resolve to an address from this server; check the "
                            "spelling and its DNS records");
  }
  if (Result<void> allowed = policy.check_all(*addresses, url->port); !allowed) {
    Error error = std::move(allowed).error();
    error.message = "Nothing can be delivered to " + url->host + ": " + error.message + ".";
    return named(std::move(error), "url");
  }
  return url;
}

Result<std::vector<std::string>> event_patterns_of(const Json& arguments) {
  const Json* given = find_member(arguments, "events");
  std::vector<std::string> patterns;
  if (given != nullptr) patterns = given->get<std::vector<std::string>>();
  if (patterns.empty()) {
    return wrong("events", "is empty; expected at least one type such as scan.completed, finding.new, scan.* or *");
  }
  return streaming::checked_patterns("events", patterns);
}

Result<store::WebhookRow> find_webhook(store::Transaction& transaction, const CallContext& context,
                                       std::string_view id) {
  const Error error = missing("webhook", id, "list_webhooks");
  if (!is_id(id, "whk")) return error;
  return with_message(store::webhook_by_id(transaction, context.caller->account_id, id), error);
}

Result<store::DeliveryRow> find_delivery(store::Transaction& transaction, const CallContext& context,
                                         std::string_view id) {
  const Error error = missing("delivery", id, "list_deliveries");
  if (!is_id(id, "dlv")) return error;
  return with_message(store::delivery_by_id(transaction, context.caller->account_id, id), error);
}

}  // namespace weir::tools
