// The resources that Weir offers to MCP hosts: the reports of scans, in every format that get_report writes, and the
// catalogue of checks. Other views of what tools answer; nothing is computed here.
#pragma once
#include <string>
#include <vector>

#include "base/timer_queue.h"
#include "server/mcp/resources.h"
#include "streaming/event_hub.h"
#include "tools/catalog.h"

namespace weir::mcp_offers {

// weir://scans/{scan_id}/report.md, .../report.json, .../report.sarif and weir://checks/{check_id}. Thread-safe.
class ScanResources final : public mcp::ResourceProvider {
 public:
  // All must outlive this and every watch.
  ScanResources(const tools::Catalog& catalog, streaming::EventHub& hub, TimerQueue& timers);

  // Reports of the newest scans first, page by page, then the checks.
  Result<mcp::ResourcePage> list(const tools::CallContext& context, const std::string& cursor) const override;
  [[nodiscard]] std::vector<mcp::ResourceTemplate> templates() const override;
  [[nodiscard]] tools::Scope scope_of(std::string_view uri) const override;
  Result<std::vector<mcp::ResourceContent>> read(const tools::CallContext& context,
                                                 const std::string& uri) const override;
  Result<std::vector<std::string>> complete(const tools::CallContext& context, const std::string& uri_template,
                                            const mcp::CompletionRequest& request) const override;
  // Of a report: told when its scan or a finding of its target changes. Checks change only with a release.
  std::shared_ptr<mcp::Watch> watch(const tools::CallContext& context, const std::string& uri,
                                    std::function<void()> changed) const override;

 private:
  struct Format {
    std::string name;       // of get_report's argument
    std::string extension;  // of the URI
    std::string media_type;
    std::string title;
  };
  struct Report {
    std::string scan_id;
    const Format* format = nullptr;
  };
  // Nothing if it is none.
  [[nodiscard]] std::optional<Report> report_of(std::string_view uri) const;
  Result<mcp::ResourcePage> scans_page(const tools::CallContext& context, const std::string& cursor) const;
  Result<mcp::ResourcePage> checks_page(const tools::CallContext& context) const;
  Result<std::vector<mcp::ResourceContent>> read_check(const tools::CallContext& context, const std::string& uri) const;

  const tools::Catalog& catalog_;
  streaming::EventHub& hub_;
  TimerQueue& timers_;
  std::vector<Format> formats_;  // those that get_report knows
};

// The ids that start with `typed`, of the newest scans or of the checks; for templates and for prompts alike. None without
// the scope. Block for the database.
Result<std::vector<std::string>> scan_ids(const tools::Catalog& catalog, const tools::CallContext& context,
                                          std::string_view typed);
Result<std::vector<std::string>> check_ids(const tools::Catalog& catalog, const tools::CallContext& context,
                                           std::string_view typed);

}  // namespace weir::mcp_offers
