#include "server/cli/event_path.h"

#include "streaming/event.h"

namespace weir::cli {

std::string url_encoded(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                          std::string_view("-._~*,").find(c) != std::string_view::npos;
    if (is_plain)
      out += c;
    else
      out.append({'%', kHex[byte >> 4U], kHex[byte & 15U]});
  }
  return out;
}

std::string event_path(const EventSelection& selection) {
  const std::string id = url_encoded(selection.resource);
  std::string path = "/v1/events?";
  if (selection.resource.starts_with("scn_")) {
    path = "/v1/scans/" + id + "/events?";
  } else if (selection.resource.starts_with("run_")) {
    path = "/v1/runs/" + id + "/events?";
  } else if (!selection.resource.empty()) {
    path += "resource=" + id + "&";
  }
  if (!selection.types.empty()) path += "types=" + url_encoded(selection.types) + "&";
  if (!selection.after.empty()) path += "after=" + url_encoded(selection.after) + "&";
  return path + "limit=" + std::to_string(kPageEvents);
}

bool is_last_frame(std::string_view type, const Json& envelope) {
  if (type != "snapshot") return streaming::is_terminal_event(type);
  const Json* state = find_member(envelope, "data");
  if (state == nullptr) return false;
  const std::string status = string_or(*state, "status", "");
  const std::string noun = string_or(*state, "id", "").starts_with("run_") ? "run." : "scan.";
  return streaming::is_terminal_event(noun + status);
}

}  // namespace weir::cli
