#include "tools/targets/target_tools.h"

#include "base/log.h"
#include "store/audit_store.h"
#include "store/scans_store.h"
#include "tools/idempotency.h"
#include "tools/lookup.h"
#include "tools/paging.h"
#include "tools/parameters.h"
#include "tools/targets/target_registration.h"
#include "tools/targets/target_views.h"

namespace weir::tools {
namespace {

namespace p = parameters;

Result<ToolResult> list_targets(const Services& services, const CallContext& context, const Json& arguments) {
  Result<store::PageRequest> page = page_request(arguments, "tgt");
  if (!page) return std::move(page).error();
  const store::TargetFilter filter{.account_id = context.caller->account_id,
                                   .query = string_or(arguments, "query", ""),
                                   .tag = string_or(arguments, "tag", "")};
  auto targets = services.database.read_for(
      [&](store::Transaction& transaction) { return store::list_targets(transaction, filter, *page); });
  if (!targets) return std::move(targets).error();

  ToolResult result;
  result.structured = {{"data", Json::array()}, {"next_cursor", next_cursor(targets->next_after_id)}};
  for (const store::TargetRow& target : targets->items) result.structured["data"].push_back(target_json(target));
  result.summary = targets->items.empty() ? "No targets. Register one with create_target."
                                          : std::to_string(targets->items.size()) + " targets" +
                                                (targets->next_after_id ? ", more with next_cursor." : ".");
  return result;
}

Result<ToolResult> get_target(const Services& services, const CallContext& context, const Json& arguments) {
  auto target = services.database.read_for([&](store::Transaction& transaction) {
    return find_target(transaction, context, string_or(arguments, "target_id", ""));
  });
  if (!target) return std::move(target).error();
  ToolResult result;
  result.structured = target_json(*target);
  result.summary = "Target " + target->id + ": " + target->url + " (" + target->visibility + ", " +
                   target->verification_state + ").";
  return result;
}

Result<Json> register_target(const Services& services, const CallContext& context, store::TargetRow target,
                             store::Transaction& transaction) {
  auto existing = store::target_by_url(transaction, target.account_id, target.url);
  if (!existing) return std::move(existing).error();
  const bool is_new = !*existing;
  if (!is_new) {
    target = std::move(**existing);
  } else {
    Result<std::int64_t> count = store::count_targets(transaction, target.account_id);
    if (!count) return std::move(count).error();
    if (*count >= services.settings.targets_per_account_max) {
      return Error(ErrorCode::conflict, "The account already has " + std::to_string(*count) +
                                            " targets, which is the most allowed. Delete one with delete_target.");
    }
    target.id = services.ids.make("tgt");
    if (Result<void> stored = store::insert_target(transaction, target); !stored) return std::move(stored).error();
    const store::AuditRow audit{.account_id = target.account_id,
                                .actor = context.caller->key_id,
                                .action = "target.created",
                                .subject = target.id,
                                .data = {{"url", target.url}, {"attestation", target.attestation}},
                                .at = target.created_at};
    if (Result<void> audited = store::insert_audit(transaction, audit); !audited) return std::move(audited).error();
  }
  Json answer = target_json(target);
  answer["is_new"] = is_new;
  answer["instructions"] = target_instructions(target);
  return answer;
}

Result<ToolResult> create_target(const Services& services, const CallContext& context, const Json& arguments) {
  Result<egress::Url> url = parse_target_url(string_or(arguments, "url", ""), "url");
  if (!url) return std::move(url).error();
  Result<ClientToken> token = client_token_of(context, arguments);
  if (!token) return std::move(token).error();
  Result<store::TargetRow> target = vetted_target(services, context, arguments, *url);
  if (!target) return std::move(target).error();

  auto made = services.database.write_for([&](store::Transaction& transaction) {
    return create_once(transaction, context, *token, "create_target", services.clock.now(),
                       [&](store::Transaction& inner) { return register_target(services, context, *target, inner); });
  });
  if (!made) return std::move(made).error();
  ToolResult result;
  result.structured = std::move(made->answer);
  result.is_replayed = made->is_replayed;
  result.summary = (bool_or(result.structured, "is_new", true) ? "Registered target " : "Already registered: target ") +
                   string_or(result.structured, "id", "") + " (" + string_or(result.structured, "url", "") + "). " +
                   string_or(result.structured, "instructions", "");
  return result;
}

Result<void> archive(const Services& services, const CallContext& context, const Json& arguments,
                     store::Transaction& transaction) {
  Result<store::TargetRow> target = find_target(transaction, context, string_or(arguments, "target_id", ""));
  if (!target) return std::move(target).error();
  const std::string confirmed = string_or(arguments, "confirm_host", "");
  if (confirmed != target->host) {
    const std::string problem = "is \"" + printable(confirmed, 60) + "\"; expected the target's host, " + target->host;
    return Error(ErrorCode::validation_failed, "confirm_host " + problem + ". Nothing was deleted.")
        .with_field("confirm_host", problem);
  }
  auto active = store::active_scan_of(transaction, target->id);
  if (!active) return std::move(active).error();
  if (*active) {
    return Error(ErrorCode::target_busy,
                 "Scan " + (*active)->id + " of this target is " + (*active)->status +
                     ". Cancel it with cancel_scan or wait for its end, then delete the target.");
  }
  const UnixMillis now = services.clock.now();
  if (Result<void> done = store::archive_target(transaction, target->account_id, target->id, now); !done) return done;
  return store::insert_audit(transaction, {.account_id = target->account_id,
                                           .actor = context.caller->key_id,
                                           .action = "target.deleted",
                                           .subject = target->id,
                                           .data = {{"url", target->url}},
                                           .at = now});
}

Result<ToolResult> delete_target(const Services& services, const CallContext& context, const Json& arguments) {
  Result<void> done = services.database.write(
      [&](store::Transaction& transaction) { return archive(services, context, arguments, transaction); });
  if (!done) return std::move(done).error();
  ToolResult result;
  const std::string id = string_or(arguments, "target_id", "");
  result.structured = {{"id", id}, {"deleted", true}};
  result.summary = "Deleted target " + id + ". Its scans and findings stay readable.";
  return result;
}

Tool list_targets_tool(const Services& services) {
  p::Members inputs = {
      {"query", p::text("Only targets whose name or URL contains this.", {.length_min = 1, .length_max = 200})},
      {"tag", p::text("Only targets with this tag.", {.length_min = 1, .length_max = 64})}};
  for (auto& member : p::page_members()) inputs.push_back(std::move(member));
  return {
      .name = "list_targets",
      .title = "List targets",
      .description =
          "Lists the web servers that this account has registered for scanning, newest first, with what each may be "
          "scanned for. Use it to find a target_id. Costs 1 unit.",
      .input_schema = p::arguments(inputs),
      .output_schema = p::page_answer("A page of targets.", target_schema()),
      .annotations = {.is_read_only = true, .is_idempotent = true},
      .scope = Scope::targets_read,
      .rest = RestRoute{"GET", "/v1/targets", 200},
      .handler = [&services](const CallContext& context,
                             const Json& arguments) { return list_targets(services, context, arguments); },
  };
}

Tool get_target_tool(const Services& services) {
  return {
      .name = "get_target",
      .title = "Get a target",
      .description =
          "Reads one registered target: address, scope, proof of ownership, and the scan profiles that it allows. "
          "Costs 1 unit.",
      .input_schema = p::arguments({{"target_id", p::id("tgt", "The target.")}}, {"target_id"}),
      .output_schema = target_schema(),
      .annotations = {.is_read_only = true, .is_idempotent = true},
      .scope = Scope::targets_read,
      .rest = RestRoute{"GET", "/v1/targets/{target_id}", 200},
      .handler = [&services](const CallContext& context,
                             const Json& arguments) { return get_target(services, context, arguments); },
  };
}

Tool create_target_tool(const Services& services) {
  Json attest = {{"type", {"string", "boolean"}},
                 {"maxLength", 500},
                 {"description",
                  "Your statement that you own this host or are authorised to scan it, as a sentence, or true. "
                  "It is stored with your key's id. Ask the user; do not make it up."}};
  return {
      .name = "create_target",
      .title = "Register a target",
      .description =
          "Registers a web server for scanning. Only register hosts that the user owns or may test. Scans of it start "
          "at "
          "`url`; private and loopback hosts are accepted if this server's address policy allows them. The same URL "
          "again returns the existing target. Costs 1 unit. Next: create_scan with the returned id.",
      .input_schema = p::arguments(
          {{"url",
            p::text("Where scans start: http or https, a host, optionally a port and a path. No user name or password.",
                    {.length_min = 1, .length_max = static_cast<std::int64_t>(egress::kUrlBytesMax)})},
           {"name", p::text("A name for people; the host if left out.", {.length_min = 1, .length_max = 120})},
           {"attest", std::move(attest)},
           {"scope_hosts", p::list("Further hosts of the same owner to which redirects may be followed.",
                                   p::text("A bare host name.", {.length_min = 1, .length_max = 253}), 20)},
           {"expected_ports", p::list("TCP ports that are meant to be open.",
                                      p::integer("A TCP port.", {.minimum = 1, .maximum = 65'535}), 100)},
           {"tags", p::list("Free labels to filter by.", p::text("A label.", {.length_min = 1, .length_max = 64}), 20)},
           {"client_token", p::text("Makes a repetition of this very request safe for 24 hours; any unique text.",
                                    {.length_min = 1, .length_max = 128})}},
          {"url", "attest"}),
      .output_schema = created_target_schema(),
      .annotations = {.is_idempotent = true},
      .scope = Scope::targets_write,
      .rest = RestRoute{"POST", "/v1/targets", 201},
      .handler = [&services](const CallContext& context,
                             const Json& arguments) { return create_target(services, context, arguments); },
  };
}

Tool delete_target_tool(const Services& services) {
  return {
      .name = "delete_target",
      .title = "Delete a target",
      .description =
          "Removes a target so that it can no longer be scanned. Its past scans, findings and reports stay readable. "
          "Refused while a scan of it is active. Costs 1 unit. Ask the user first.",
      .input_schema =
          p::arguments({{"target_id", p::id("tgt", "The target.")},
                        {"confirm_host", p::text("The target's host, repeated as a safeguard against deleting "
                                                 "the wrong one.",
                                                 {.length_min = 1, .length_max = 253})}},
                       {"target_id", "confirm_host"}),
      .output_schema = p::answer({{"id", p::text("The target's id.")}, {"deleted", p::boolean("Always true.")}}),
      .annotations = {.is_destructive = true, .is_idempotent = true},
      .scope = Scope::targets_write,
      .rest = RestRoute{"DELETE", "/v1/targets/{target_id}", 200},
      .handler = [&services](const CallContext& context,
                             const Json& arguments) { return delete_target(services, context, arguments); },
  };
}

}  // namespace

std::vector<Tool> target_tools(const Services& services) {
  return {list_targets_tool(services), get_target_tool(services), create_target_tool(services),
          delete_target_tool(services)};
}

}  // namespace weir::tools
