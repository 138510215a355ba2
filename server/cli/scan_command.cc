#include <fstream>

#include "base/log.h"
#include "server/cli/commands.h"
#include "server/cli/server_options.h"
#include "server/cli/tool_answer.h"
#include "tools/scans/checks/check.h"

namespace weir::cli {
namespace {

using tools::scans::severity_from;

// One scan from the command line, step by step. Not thread-safe: owned by run_scan.
class ScanSession {
 public:
  ScanSession(const ScanOptions& options, Client& client, Terminal& terminal)
      : options_(options), client_(client), terminal_(terminal) {}

  int run() {
    const std::string target_id = find_or_create_target();
    if (target_id.empty()) return kExitFailed;
    const std::string scan_id = start(target_id);
    if (scan_id.empty()) return kExitFailed;
    follow(scan_id);
    return conclude(scan_id);
  }

 private:
  std::optional<Json> call(std::string_view tool, const Json& arguments) {
    return ask_tool(client_, terminal_, tool, arguments);
  }

  std::string find_or_create_target() {
    const std::string url = options_.is_self ? client_.url() : options_.target_url;
    const auto parsed = egress::Url::parse(url);
    if (!parsed) {
      terminal_.error(parsed.error().message);
      return "";
    }
    std::string attest = options_.attest;
    const auto address = egress::IpAddress::parse(parsed->host);
    const bool is_this_machine =
        parsed->host == "localhost" || (address && address->address_class() == egress::AddressClass::loopback);
    if (attest.empty() && is_this_machine) attest = "This machine's own service, scanned by its user with weir scan.";
    Json arguments{{"url", url}};
    if (!attest.empty()) arguments["attest"] = attest;
    const auto created = call("create_target", arguments);
    if (!created) {
      if (attest.empty()) {
        terminal_.note("The first time, say why you may scan it: --attest \"I run this site\".");
      }
      return "";
    }
    const Json* target = find_member(*created, "target");
    const std::string id = string_or(target == nullptr ? *created : *target, "id", "");
    if (!options_.as_json) terminal_.line("target  " + id + "  " + url);
    return id;
  }

  std::string start(const std::string& target_id) {
    const auto created = call("create_scan", Json{{"target_id", target_id}, {"profile", options_.profile}});
    if (!created) return "";
    const Json* scan = find_member(*created, "scan");
    const std::string id = string_or(scan == nullptr ? *created : *scan, "id", "");
    if (!options_.as_json) terminal_.line("scan    " + id + "  " + options_.profile);
    return id;
  }

  void follow(const std::string& scan_id) {
    const auto done = client_.follow("/v1/scans/" + scan_id + "/events?after=0", [&](const streaming::SseEvent& event) {
      const auto envelope = parse_json(event.data);
      const Json* data = envelope ? find_member(*envelope, "data") : nullptr;
      if (!options_.as_json && event.type != "snapshot") show_event(event.type, data == nullptr ? Json() : *data);
      return !(event.type == "scan.completed" || event.type == "scan.failed" || event.type == "scan.cancelled" ||
               event.type == "scan.timed_out");
    });
    // The scan itself is what counts; conclude() asks for it whatever became of the stream.
    if (!done) terminal_.note("weir: " + done.error().message);
  }

  void show_event(const std::string& type, const Json& data) {
    if (type == "scan.progress") {
      terminal_.progress("  " + std::to_string(integer_or(data, "percent", 0)) + " %  " + string_or(data, "phase", "") +
                         "  " + std::to_string(integer_or(data, "requests_sent", 0)) + " requests, " +
                         std::to_string(integer_or(data, "findings_so_far", 0)) + " findings");
      return;
    }
    std::string text;
    if (type == "scan.check.completed") {
      const std::string state = string_or(data, "state", "");
      ++checks_[state];
      // Dozens of these: only those that are missing from the result are worth a line.
      if (state == "ran" || state == "not_applicable") {
        terminal_.progress("  " + string_or(data, "check_id", ""));
        return;
      }
      text = string_or(data, "check_id", "") + " " + state + " (" + string_or(data, "reason", "") + ")";
    } else if (type == "scan.phase") {
      text = string_or(data, "phase", "");
    } else if (type == "scan.finding.detected") {
      const std::string severity = string_or(data, "severity", "");
      text = terminal_.paint(colour_of_severity(severity), severity) + " " + string_or(data, "rule_id", "") + " " +
             string_or(data, "title", "");
    } else if (const std::string message = string_or(data, "message", string_or(data, "reason", ""));
               !message.empty()) {
      text = message;
    }
    terminal_.line("  " + terminal_.paint(Colour::dim, padded(type, 22)) + " " + text);
  }

  int conclude(const std::string& scan_id) {
    constexpr int kWaitSeconds = 50;
    auto answer = call("get_scan", Json{{"scan_id", scan_id}, {"wait_seconds", kWaitSeconds}});
    if (!answer) return kExitFailed;
    const Json* inner = find_member(*answer, "scan");
    const Json scan = inner == nullptr ? *answer : *inner;
    Json findings = Json::array();
    std::string cursor;
    do {
      Json arguments{{"scan_id", scan_id}, {"limit", 100}};
      if (!cursor.empty()) arguments["cursor"] = cursor;
      const auto page = call("list_findings", arguments);
      if (!page) return kExitFailed;
      for (const std::string_view name : {"findings", "data"}) {
        const Json* items = find_member(*page, name);
        if (items == nullptr || !items->is_array()) continue;
        for (const Json& item : *items) findings.push_back(item);
      }
      cursor = string_or(*page, "next_cursor", "");
    } while (!cursor.empty());
    if (!options_.report_path.empty() && !write_report(scan_id)) return kExitFailed;
    if (options_.as_json) {
      terminal_.line(to_pretty_text(Json{{"scan", scan}, {"findings", findings}}));
    } else {
      show_findings(scan, findings);
    }
    return exit_code(scan);
  }

  bool write_report(const std::string& scan_id) {
    const auto report = call("get_report", Json{{"scan_id", scan_id}, {"format", "markdown"}});
    if (!report) return false;
    std::ofstream file(options_.report_path);
    file << string_or(*report, "text", "");
    file.close();
    if (file.fail()) {
      terminal_.error("Cannot write the report to " + options_.report_path + ".");
      return false;
    }
    if (!options_.as_json) terminal_.line("report  " + options_.report_path);
    return true;
  }

  static bool is_open(const Json& finding) {
    const std::string status = string_or(finding, "status", "open");
    const std::string diff = string_or(finding, "diff_state", string_or(finding, "diff", ""));
    return (status == "open" || status == "in_progress") && diff != "fixed" && diff != "not_tested";
  }

  void show_findings(const Json& scan, const Json& findings) {
    terminal_.line("");
    std::size_t open = 0;
    for (const Json& finding : findings) {
      if (!is_open(finding)) continue;
      ++open;
      const std::string severity = string_or(finding, "severity", "");
      std::string location = string_or(finding, "location", "");
      if (!location.empty()) location = "  [" + location + "]";
      terminal_.line("  " + terminal_.paint(colour_of_severity(severity), padded(severity, 9)) +
                     padded(string_or(finding, "rule_id", ""), 24) + string_or(finding, "title", "") + location);
    }
    if (open == 0) terminal_.line("  No open findings.");
    std::string grade = string_or(scan, "grade", "");
    if (grade.empty()) grade = "none (" + string_or(scan, "grade_reason", "not graded") + ")";
    std::string last = string_or(scan, "status", "") + ", grade " + grade;
    if (const auto score = integer_member(scan, "score")) last += ", score " + std::to_string(*score);
    last += ", " + std::to_string(open) + (open == 1 ? " open finding" : " open findings");
    std::string checks;
    for (const auto& [state, count] : checks_) {
      checks += (checks.empty() ? "" : ", ") + std::to_string(count) + " " + state;
    }
    terminal_.line("");
    if (!checks.empty()) terminal_.line("checks: " + checks);
    terminal_.line(terminal_.paint(Colour::bold, last));
    if (const Json* error = find_member(scan, "error"); error != nullptr && error->is_object()) {
      terminal_.line("reason: " + string_or(*error, "message", ""));
    }
  }

  // The server's own rule decides: the same as for check_gate and for playbooks.
  int exit_code(const Json& scan) {
    if (string_or(scan, "status", "") != "completed") return kExitFailed;
    if (options_.fail_on.empty()) return kExitOk;
    const auto gate = call("check_gate", Json{{"scan_id", string_or(scan, "id", "")}, {"fail_on", options_.fail_on}});
    if (!gate) return kExitFailed;
    if (bool_or(*gate, "pass", false)) return kExitOk;
    if (const Json* reasons = find_member(*gate, "reasons"); reasons != nullptr && reasons->is_array()) {
      for (const Json& reason : *reasons) terminal_.note("weir: --fail-on: " + string_or(reason, "message", ""));
    }
    return string_or(*gate, "conclusion", "") == "failed" ? kExitGateFailed : kExitFailed;
  }

  const ScanOptions& options_;
  Client& client_;
  Terminal& terminal_;
  std::map<std::string, int> checks_;  // how many ended in each state
};

}  // namespace

int run_scan(const ScanOptions& options, Terminal& terminal) {
  if (options.target_url.empty() && !options.is_self) {
    terminal.error(
        "Say what to scan: weir scan https://staging.example.org, or weir scan --self for the server itself.");
    return kExitUsage;
  }
  if (!options.fail_on.empty() && !severity_from(options.fail_on)) {
    terminal.error("--fail-on expects critical, high, medium, low or info, got \"" + printable(options.fail_on) +
                   "\".");
    return kExitUsage;
  }
  auto client = client_for(options.server);
  if (!client) {
    terminal.error(client.error().message);
    return kExitUsage;
  }
  return ScanSession(options, **client, terminal).run();
}

}  // namespace weir::cli
