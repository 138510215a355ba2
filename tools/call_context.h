// Who is calling and how, as a tool's handler sees it: no HTTP, no JSON-RPC.
#pragma once
#include <memory>
#include <string>

#include "limits/quota.h"
#include "limits/rate_limiter.h"
#include "tools/access.h"

namespace weir::tools {

// A resolved API key. Made by the gate, shared by the calls in progress. Immutable.
struct Caller {
  std::string account_id;
  std::string account_name;
  std::string key_id;
  std::string key_name;
  std::string tier;
  Scopes scopes;
  limits::Quota quota;
  limits::Quota scan_quota;  // of calls that start a scan: the same, and a scan of the day
  std::shared_ptr<limits::KeyBudget> budget;
};

enum class Surface : std::uint8_t { rest, mcp, cli, run };
std::string_view to_string(Surface surface);

// One call. Not thread-safe: owned by the call.
struct CallContext {
  std::shared_ptr<const Caller> caller;
  Surface surface = Surface::rest;
  std::string request_id;
  limits::Decision decision;    // of this call, for get_quota
  std::string idempotency_key;  // "" if none was given
  std::string run_id{};         // of the run that makes the call; "" : a client does
};

}  // namespace weir::tools
