#include "tools/scans/finding_status.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/log.h"
#include "tools/scans/finding_brief.h"
#include "tools/scans/report/report_order.h"

namespace weir::tools::scans {
namespace {

using Move = std::pair<std::string_view, std::string_view>;

// api.md section 2, a person's moves. Every status may also become accepted_risk or false_positive. What a scan does
// (fixed -> open, an acceptance that expires) is finding_diff's.
constexpr std::array<Move, 6> kMoves{{{"open", "in_progress"},
                                      {"in_progress", "open"},
                                      {"open", "fixed"},
                                      {"in_progress", "fixed"},
                                      {"accepted_risk", "open"},
                                      {"false_positive", "open"}}};
constexpr std::array<std::string_view, 5> kStatuses{"open", "in_progress", "fixed", "accepted_risk", "false_positive"};

Error wrong(std::string_view field, const std::string& problem) {
  return Error(ErrorCode::validation_failed, std::string(field) + " " + problem + ".")
      .with_field(std::string(field), problem);
}

bool is_blank(std::string_view text) { return text.find_first_not_of(" \t\r\n") == std::string_view::npos; }

Error no_move(const store::FindingRow& finding, const StatusWish& wish) {
  std::string possible;
  for (const std::string_view status : kStatuses) {
    if (status == finding.status || !may_move(finding.status, status)) continue;
    possible += (possible.empty() ? "" : ", ") + std::string(status);
  }
  std::string hint;
  if (finding.status == "fixed") {
    hint = " A scan that sees it again reopens it by itself: create_scan with finding_ids looks at it now.";
  } else if (is_set_aside_status(finding.status)) {
    hint = " Open it first.";
  }
  return Error(ErrorCode::conflict, "Finding " + finding.id + " is " + finding.status + " and cannot become " +
                                        wish.status + "; it can become " + possible + "." + hint);
}

Result<void> announce(const Services& services, const store::FindingRow& finding, const std::string& from,
                      store::Transaction& transaction) {
  Result<streaming::Event> event = services.events.append(
      transaction,
      {.account_id = finding.account_id,
       .resource_type = "finding",
       .resource_id = finding.id,
       .type = "finding.status_changed",
       .data = {{"finding_id", finding.id},
                {"target_id", finding.target_id},
                {"rule_id", finding.rule_id},
                {"title", finding.title},
                {"severity", to_string(severity_of(finding))},
                {"status", finding.status},
                {"from", from},
                {"by", finding.status_by},
                {"reason", finding.status_reason},
                {"accepted_until", finding.accepted_until ? Json(to_rfc3339(*finding.accepted_until)) : Json(nullptr)},
                {"url", finding.url}}});
  if (!event) return std::move(event).error();
  return {};
}

}  // namespace

Result<StatusWish> status_wish_of(const Json& arguments, UnixMillis now) {
  StatusWish wish;
  wish.status = string_or(arguments, "status", "");
  wish.reason = string_or(arguments, "reason", "");
  if (is_set_aside_status(wish.status) && is_blank(wish.reason)) {
    return wrong("reason", std::string(find_member(arguments, "reason") == nullptr ? "is missing" : "is blank") + "; " +
                               wish.status + " needs to say why, for those who come after");
  }
  const std::optional<std::string> until = string_member(arguments, "until");
  if (wish.status != "accepted_risk") {
    if (until) return wrong("until", "is given with status " + wish.status + "; only accepted_risk has an end");
    return wish;
  }
  if (!until) return wish;
  const Result<UnixMillis> time = parse_rfc3339(*until);
  if (!time) {
    return wrong("until", "is \"" + printable(*until, 40) + "\"; expected a time in UTC such as " +
                              to_rfc3339(now + kAcceptance));
  }
  if (*time <= now)
    return wrong("until", "is " + to_rfc3339(*time) + ", which has passed; expected a time in the future");
  wish.until = *time;
  return wish;
}

bool may_move(std::string_view from, std::string_view to) {
  if (from == to || is_set_aside_status(to)) return true;
  return std::find(kMoves.begin(), kMoves.end(), Move{from, to}) != kMoves.end();
}

Result<StatusChange> change_status(const Services& services, const CallContext& context, store::FindingRow finding,
                                   const StatusWish& wish, store::Transaction& transaction) {
  if (!may_move(finding.status, wish.status)) return no_move(finding, wish);
  std::string from = finding.status;
  const UnixMillis now = services.clock.now();
  std::optional<UnixMillis> until = wish.until;
  if (wish.status == "accepted_risk" && !until) {
    const bool still_holds = finding.accepted_until && *finding.accepted_until > now;
    until = still_holds ? *finding.accepted_until : now + kAcceptance;
  }
  // A repetition changes nothing; another reason or another end does.
  if (from == wish.status && (wish.reason.empty() || wish.reason == finding.status_reason) &&
      finding.accepted_until == until) {
    return StatusChange{.finding = std::move(finding), .from = std::move(from), .is_changed = false};
  }
  finding.status = wish.status;
  finding.status_reason = wish.reason;
  finding.status_by = context.run_id.empty() ? context.caller->key_id : context.run_id;
  finding.accepted_until = until;
  // Confirming what a scan has found to be fixed does not make it fixed later.
  if (wish.status != "fixed")
    finding.fixed_at.reset();
  else if (!finding.fixed_at)
    finding.fixed_at = now;
  if (Result<void> stored = store::update_finding(transaction, finding); !stored) return std::move(stored).error();
  Result<void> kept =
      store::insert_finding_event(transaction, finding.id, from, finding.status, finding.status_by, wish.reason, now);
  if (!kept) return std::move(kept).error();
  if (Result<void> told = announce(services, finding, from, transaction); !told) return std::move(told).error();
  return StatusChange{.finding = std::move(finding), .from = std::move(from), .is_changed = true};
}

}  // namespace weir::tools::scans
