// Every REST route and the matcher: exact segments before placeholders, no regular expressions.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tools/catalog.h"

namespace weir::rest {

enum class RouteKind : std::uint8_t {
  tool,
  resource_events,
  account_events,
  openapi,
  healthz,
  readyz,
  metrics,
  landing
};

// Immutable.
struct Route {
  std::string method;  // "GET", "POST", "DELETE"; HEAD is served as GET
  std::string path;    // "/v1/scans/{scan_id}"
  tools::Scope scope = tools::Scope::none;
  std::uint32_t cost = 1;
  bool is_public = false;  // answered without a key
  RouteKind kind = RouteKind::tool;
  std::string_view resource_type;           // for kind resource_events: "scan"
  const tools::Tool* tool = nullptr;        // for kind tool
  const tools::Catalog* catalog = nullptr;  // which has the tool
  int status = 200;                         // of a success
  std::string name;                         // for the gate: the tool's name, else "GET /v1/..."
};

using PathParameters = std::vector<std::pair<std::string, std::string>>;

// Immutable.
class RouteTable {
 public:
  // Who may read GET /metrics; absent: there is none.
  enum class MetricsRoute : std::uint8_t { absent, for_admins, open };

  // The catalogs must outlive the table. `rest_only`: what no model gets as a tool; null if there is none.
  explicit RouteTable(const tools::Catalog& catalog, MetricsRoute metrics = MetricsRoute::absent,
                      const tools::Catalog* rest_only = nullptr);

  struct Match {
    const Route* route = nullptr;  // null: no route has this path and method
    PathParameters parameters;
    std::vector<std::string> allowed_methods;  // of this path; empty: no route has this path
  };
  // `path` is decoded.
  [[nodiscard]] Match find(std::string_view method, std::string_view path) const;

  // The route whose path is nearest to a mistyped one, "GET /v1/scans"; "" if none is near.
  [[nodiscard]] std::string nearest_to(std::string_view method, std::string_view path) const;

  [[nodiscard]] const std::vector<Route>& routes() const { return routes_; }

 private:
  std::vector<Route> routes_;
};

}  // namespace weir::rest
