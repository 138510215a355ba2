#include "server/rest/routes.h"

#include <algorithm>

#include "tools/near_match.h"

namespace weir::rest {
namespace {

std::vector<std::string_view> segments_of(std::string_view path) {
  std::vector<std::string_view> segments;
  path.remove_prefix(std::min<std::size_t>(1, path.size()));
  while (true) {
    const std::size_t slash = path.find('/');
    segments.push_back(path.substr(0, slash));
    if (slash == std::string_view::npos) return segments;
    path.remove_prefix(slash + 1);
  }
}

bool is_placeholder(std::string_view segment) { return segment.starts_with('{') && segment.ends_with('}'); }

// The number of literal segments of a match, so that "/v1/scans/estimate" wins over "/v1/scans/{scan_id}"; nothing if
// `path` does not match.
std::optional<int> match_path(std::string_view pattern, const std::vector<std::string_view>& path,
                              PathParameters& out) {
  const std::vector<std::string_view> wanted = segments_of(pattern);
  if (wanted.size() != path.size()) return std::nullopt;
  out.clear();
  int literals = 0;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (is_placeholder(wanted[i])) {
      if (path[i].empty()) return std::nullopt;
      out.emplace_back(wanted[i].substr(1, wanted[i].size() - 2), path[i]);
    } else if (wanted[i] == path[i]) {
      ++literals;
    } else {
      return std::nullopt;
    }
  }
  return literals;
}

Route own(std::string method, std::string path, RouteKind kind) {
  Route route;
  route.name = method + " " + path;
  route.method = std::move(method);
  route.path = std::move(path);
  route.kind = kind;
  route.cost = 0;
  route.is_public = true;
  return route;
}

// `resource_type` "": the events of the account.
Route events_route(std::string path, std::string_view resource_type, tools::Scope scope = tools::Scope::scans_read) {
  Route route;
  route.method = "GET";
  route.path = std::move(path);
  route.scope = scope;
  route.kind = resource_type.empty() ? RouteKind::account_events : RouteKind::resource_events;
  route.resource_type = resource_type;
  route.name = "GET " + route.path;
  return route;
}

Route of_tool(const tools::Catalog& catalog, const tools::Tool& tool, const tools::RestRoute& rest) {
  Route route;
  route.method = rest.method;
  route.path = rest.path;
  route.scope = tool.scope;
  route.cost = tool.cost;
  route.tool = &tool;
  route.catalog = &catalog;
  route.status = rest.status;
  route.name = tool.name;
  return route;
}

}  // namespace

RouteTable::RouteTable(const tools::Catalog& catalog, MetricsRoute metrics, const tools::Catalog* rest_only) {
  for (const tools::Tool& tool : catalog.tools()) {
    if (tool.rest) routes_.push_back(of_tool(catalog, tool, *tool.rest));
  }
  if (rest_only != nullptr) {
    for (const tools::Tool& tool : rest_only->tools()) routes_.push_back(of_tool(*rest_only, tool, *tool.rest));
  }
  // What hangs below a scan, for those who follow links.
  if (const tools::Tool* findings = catalog.find("list_findings")) {
    routes_.push_back(
        of_tool(catalog, *findings, {.method = "GET", .path = "/v1/scans/{scan_id}/findings", .status = 200}));
  }
  routes_.push_back(events_route("/v1/scans/{scan_id}/events", "scan"));
  if (catalog.find("get_run") != nullptr)
    routes_.push_back(events_route("/v1/runs/{run_id}/events", "run", tools::Scope::runs_read));
  routes_.push_back(events_route("/v1/events", ""));
  routes_.push_back(own("GET", "/openapi.json", RouteKind::openapi));
  routes_.push_back(own("GET", "/healthz", RouteKind::healthz));
  routes_.push_back(own("GET", "/readyz", RouteKind::readyz));
  if (metrics != MetricsRoute::absent) {
    Route route = own("GET", "/metrics", RouteKind::metrics);
    route.scope = tools::Scope::admin;
    route.is_public = metrics == MetricsRoute::open;
    routes_.push_back(std::move(route));
  }
  routes_.push_back(own("GET", "/", RouteKind::landing));
}

RouteTable::Match RouteTable::find(std::string_view method, std::string_view path) const {
  if (method == "HEAD") method = "GET";
  const std::vector<std::string_view> segments = segments_of(path);
  int best_literals = -1;
  Match match;
  for (const Route& route : routes_) {
    PathParameters parameters;
    const std::optional<int> literals = match_path(route.path, segments, parameters);
    if (!literals || *literals < best_literals) continue;
    if (*literals > best_literals) {
      // A more exact path hides the others, whatever their methods.
      best_literals = *literals;
      match = Match{};
    }
    match.allowed_methods.push_back(route.method);
    if (route.method == "GET") match.allowed_methods.emplace_back("HEAD");
    if (route.method != method) continue;
    match.route = &route;
    match.parameters = std::move(parameters);
  }
  std::sort(match.allowed_methods.begin(), match.allowed_methods.end());
  return match;
}

std::string RouteTable::nearest_to(std::string_view method, std::string_view path) const {
  std::vector<std::string> known;
  for (const Route& route : routes_) known.push_back(route.path);
  const std::string near = tools::nearest(path, known);
  if (near.empty()) return "";
  std::string first;
  for (const Route& route : routes_) {
    if (route.path != near) continue;
    if (route.method == method) return route.method + " " + near;
    if (first.empty()) first = route.method + " " + near;
  }
  return first;
}

}  // namespace weir::rest
