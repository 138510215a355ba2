// A small server of its own for tests and benchmarks of streams: the product's HTTP layer, log, hub and event routes, with
// a publisher instead of scans and without keys, so that it can be killed, flooded and asked for any number of events.
#pragma once
#include <string>

namespace weir::streams {

// The account whose events GET /v1/events gives, and what they are about.
inline constexpr const char* kAccount = "acc_streams";
inline constexpr const char* kResource = "scn_streams";

// Serves until SIGTERM, over the database in `folder`, which it makes. Writes "<port>\n" to standard output when it
// listens; `port` 0 takes a free one.
//   GET  /v1/events            as the product's
//   POST /publish              appends one event whose data is the body, a JSON object
//   POST /publish?count=N      appends N events {"n": 1..}, ten a transaction, in the background
int serve(const std::string& folder, int port);

}  // namespace weir::streams
