#include "tools/concurrency.h"

#include <algorithm>
#include <string>

namespace weir::tools {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::size_t kNamedMax = 5;
constexpr milliseconds kLeastWait{1'000};

std::string counted(std::uint64_t count, std::string_view noun) {
  return std::to_string(count) + " " + std::string(noun) + (count == 1 ? "" : "s");
}

// "scn_1 (running for 12 s)", "scn_2 (queued)"
std::string named(const std::vector<store::Lease>& leases, UnixMillis now) {
  std::string text;
  for (std::size_t i = 0; i < std::min(leases.size(), kNamedMax); ++i) {
    const store::Lease& lease = leases[i];
    text += (i == 0 ? "" : ", ") + lease.id + " (" + lease.status;
    if (lease.started_at) {
      text += " for " +
              std::to_string(std::chrono::floor<seconds>(std::max(now - *lease.started_at, milliseconds{0})).count()) +
              " s";
    }
    text += ")";
  }
  if (leases.size() > kNamedMax) text += " and " + std::to_string(leases.size() - kNamedMax) + " more";
  return text;
}

}  // namespace

milliseconds time_until_free(const std::vector<store::Lease>& leases, std::uint32_t at_once, milliseconds usual,
                             UnixMillis now) {
  std::vector<milliseconds> left;
  for (const store::Lease& lease : leases) {
    milliseconds until = lease.started_at ? *lease.started_at + usual - now : usual;
    if (until <= milliseconds{0}) until = usual / 2;
    left.push_back(std::max(std::min<milliseconds>(until, lease.deadline_at - now), kLeastWait));
  }
  std::ranges::sort(left);
  // After a change to a smaller tier more than one has to end first.
  return left.at(leases.size() - at_once);
}

Result<void> check_concurrency(store::Transaction& transaction, std::string_view account_id,
                               const ConcurrencyRule& rule, UnixMillis now) {
  auto leases = store::leases_of(transaction, rule.table, account_id, now);
  if (!leases) return std::move(leases).error();
  if (leases->size() < rule.at_once) return {};
  if (rule.at_once == 0) {
    return Error(ErrorCode::concurrency_limit, "Tier " + std::string(rule.tier) + " runs no " + std::string(rule.noun) +
                                                   "s. The operator can give the account another tier.");
  }
  auto usual = store::usual_time(transaction, rule.table, account_id);
  if (!usual) return std::move(usual).error();
  const milliseconds wait = time_until_free(*leases, rule.at_once, usual->value_or(rule.usual_time), now);
  return Error(ErrorCode::concurrency_limit,
               "Tier " + std::string(rule.tier) + " runs " + counted(rule.at_once, rule.noun) + " at once, and " +
                   std::to_string(leases->size()) + (leases->size() == 1 ? " is" : " are") +
                   " active: " + named(*leases, now) + ". A place should be free in about " +
                   counted(static_cast<std::uint64_t>(std::chrono::ceil<seconds>(wait).count()), "second") + ". " +
                   std::string(rule.what_to_do))
      .retry_in(wait);
}

}  // namespace weir::tools
