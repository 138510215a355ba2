// `weir events`: readable lines on a terminal, one JSON object a line in a pipe.
#include "base/log.h"
#include "server/cli/commands.h"
#include "server/cli/event_path.h"
#include "server/cli/server_options.h"

namespace weir::cli {
namespace {

constexpr std::size_t kTypeWidth = 22;
constexpr std::size_t kTimeOfDayWidth = 8;  // "12:00:00"

// Not thread-safe: owned by the command.
class EventsView {
 public:
  EventsView(const EventsOptions& options, Client& client, Terminal& terminal)
      : options_(options), client_(client), terminal_(terminal) {}

  int run() { return options_.follows ? follow() : list(); }

 private:
  [[nodiscard]] std::string path(const std::string& after) const {
    return event_path({.resource = options_.resource, .types = options_.types, .after = after});
  }

  int list() {
    std::string after = options_.after;
    while (true) {
      const auto answer = client_.get(path(after));
      if (!answer) return failed(answer.error().message);
      const auto page = parse_json(answer->body);
      if (answer->status != 200 || !page) {
        return failed(page ? string_or(*page, "message", "")
                           : client_.url() + " answered HTTP " + std::to_string(answer->status));
      }
      if (const Json* gap = find_member(*page, "gap"); gap != nullptr && gap->is_object()) show("gap", *gap);
      if (const Json* events = find_member(*page, "data")) {
        for (const Json& event : *events) show(string_or(event, "type", ""), event);
      }
      const auto next = integer_member(*page, "next_after");
      if (!next) return kExitOk;
      after = std::to_string(*next);
    }
  }

  int follow() {
    const auto done = client_.follow(
        path(options_.after),
        [&](const streaming::SseEvent& event) {
          const auto data = parse_json(event.data);
          if (data) show(event.type, *data);
          // A resource's stream is over with the resource, whose snapshot may say so at once.
          return options_.resource.empty() || !data || !is_last_frame(event.type, *data);
        },
        {}, kFollowReconnectsMax);
    return done ? kExitOk : failed(done.error().message);
  }

  int failed(const std::string& message) {
    terminal_.error(message);
    return kExitFailed;
  }

  void show(const std::string& type, const Json& event) {
    if (!terminal_.is_terminal()) {
      // The envelope of an event says what it is; that of a gap would not.
      terminal_.line(to_text(type == "gap" ? Json{{"type", "gap"}, {"data", event}} : event));
      return;
    }
    const std::string at = string_or(event, "ts", "");
    const std::size_t time = at.find('T');
    const Json* data = type == "gap" ? &event : find_member(event, "data");
    std::string text =
        time == std::string::npos ? std::string(kTimeOfDayWidth, ' ') : at.substr(time + 1, kTimeOfDayWidth);
    text = terminal_.paint(Colour::dim, text) + "  " + type;
    text.append(type.size() < kTypeWidth ? kTypeWidth - type.size() : 1, ' ');
    const std::string resource = string_or(event, "resource", "");
    if (!resource.empty() && options_.resource.empty()) text += " " + terminal_.paint(Colour::dim, resource);
    if (data != nullptr) text += " " + summary(type, *data);
    terminal_.line(text);
  }

  // The members that a person looks for first, in the order in which they are read.
  std::string summary(const std::string& type, const Json& data) const {
    if (type == "snapshot") return string_or(data, "status", "");
    std::string text;
    const auto add = [&](std::string_view name, std::string_view label = {}) {
      const Json* value = find_member(data, name);
      if (value == nullptr || value->is_null() || value->is_structured()) return;
      const std::string shown = value->is_string() ? value->get<std::string>() : to_text(*value);
      if (shown.empty()) return;
      text += (text.empty() ? "" : "  ") + (label.empty() ? "" : std::string(label) + " ") + printable(shown, 120);
    };
    if (const std::string severity = string_or(data, "severity", ""); !severity.empty()) {
      text += terminal_.paint(colour_of_severity(severity), severity);
    }
    if (find_member(data, "percent") != nullptr) text += std::to_string(integer_or(data, "percent", 0)) + " %";
    for (const char* name : {"phase", "check_id", "state", "rule_id", "title", "outcome"}) add(name);
    add("grade", "grade");
    add("score", "score");
    for (const char* name : {"reason", "message", "requested", "url"}) add(name);
    return text;
  }

  const EventsOptions& options_;
  Client& client_;
  Terminal& terminal_;
};

}  // namespace

int run_events(const EventsOptions& options, Terminal& terminal) {
  auto client = client_for(options.server);
  if (!client) {
    terminal.error(client.error().message);
    return kExitUsage;
  }
  return EventsView(options, **client, terminal).run();
}

}  // namespace weir::cli
