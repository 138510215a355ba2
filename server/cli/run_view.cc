#include "server/cli/run_view.h"

#include <algorithm>

#include "base/log.h"

namespace weir::cli {
namespace {

constexpr std::size_t kNameWidth = 22;
constexpr std::size_t kDurationWidth = 8;
constexpr std::size_t kSummaryBytesMax = 160;
constexpr std::size_t kMemberBytesMax = 500;

std::string error_text(const Json& data) {
  const Json* error = find_member(data, "error");
  if (error == nullptr || !error->is_object()) return "";
  const std::string message = string_or(*error, "message", "");
  return message.empty() ? string_or(*error, "code", "") : message;
}

// The sentence of an answer; a text that others wrote may be in it.
std::string sentence(const std::string& text) { return printable(text, kSummaryBytesMax); }

std::string duration_of(const Json& data) {
  const auto milliseconds = integer_member(data, "duration_ms");
  return milliseconds ? duration_text(*milliseconds) : "";
}

Colour colour_of_status(std::string_view status) {
  if (status == "completed") return Colour::green;
  if (status == "skipped" || status == "cancelled") return Colour::yellow;
  return Colour::red;
}

std::string usage_text(const Json& usage) {
  const std::int64_t calls = integer_or(usage, "tool_calls", 0);
  std::string text = std::to_string(calls) + (calls == 1 ? " tool call" : " tool calls");
  if (const auto wall = integer_member(usage, "wall_ms")) text += ", " + duration_text(*wall);
  const auto input = integer_member(usage, "input_tokens");
  const auto output = integer_member(usage, "output_tokens");
  if (integer_or(usage, "model_requests", 0) > 0) {
    text += ", " + (input ? std::to_string(*input) : "?") + " tokens in, " + (output ? std::to_string(*output) : "?") +
            " out";
  }
  if (const auto cost = integer_member(usage, "cost_microusd"); cost && *cost > 0) {
    std::string cents = std::to_string(*cost % 1'000'000);
    cents.insert(0, 6 - cents.size(), '0');
    text += ", $" + std::to_string(*cost / 1'000'000) + "." + cents.substr(0, 4);
  }
  return text;
}

std::string member_text(const std::string& name, const Json& value) {
  if (!value.is_string()) return name + ": " + printable(to_text(value), kMemberBytesMax);
  const std::string text = plain_text(value.get<std::string>());
  return text.find('\n') == std::string::npos ? name + ": " + text : name + ":\n" + text;
}

}  // namespace

std::string plain_text(std::string_view text) {
  std::string out;
  for (std::size_t start = 0; start < text.size();) {
    const std::size_t end = std::min(text.find_first_of("\n\t", start), text.size());
    const std::string_view piece = text.substr(start, end - start);
    // A byte is shown with four characters at most, so nothing is cut off.
    out += printable(piece, (piece.size() + 1) * 4);
    if (end < text.size()) out += text[end];
    start = end + 1;
  }
  return out;
}

std::string duration_text(std::int64_t milliseconds) {
  if (milliseconds < 1'000) return std::to_string(milliseconds) + " ms";
  if (milliseconds < 10'000) {
    return std::to_string(milliseconds / 1'000) + "." + std::to_string(milliseconds % 1'000 / 100) + " s";
  }
  const std::int64_t seconds = (milliseconds + 500) / 1'000;
  if (seconds < 60) return std::to_string(seconds) + " s";
  return std::to_string(seconds / 60) + " min " + std::to_string(seconds % 60) + " s";
}

std::string output_text(const Json& output) {
  if (output.is_null()) return "";
  if (output.is_string()) return plain_text(output.get<std::string>());
  if (!output.is_object()) return printable(to_text(output), kMemberBytesMax);
  std::string text;
  // Short members first: a report after them would push them off the screen.
  for (const bool is_long : {false, true}) {
    for (const auto& [name, value] : output.items()) {
      if ((value.is_string() && value.get_ref<const std::string&>().find('\n') != std::string::npos) != is_long)
        continue;
      text += (text.empty() ? "" : "\n") + member_text(name, value);
    }
  }
  return text;
}

int run_exit_code(const Json& run) {
  if (string_or(run, "status", "") != "completed") return kExitFailed;
  const Json* output = find_member(run, "output");
  if (output == nullptr) return kExitOk;
  const Json* gate = find_member(*output, "gate");
  const Json& judged = gate == nullptr ? *output : *gate;
  if (bool_or(judged, "pass", true)) return kExitOk;
  return string_or(judged, "conclusion", "failed") == "inconclusive" ? kExitFailed : kExitGateFailed;
}

void show_open_call(const Json& call, Terminal& terminal) {
  const std::string id = string_or(call, "tool_call_id", "");
  terminal.line("  " + terminal.paint(Colour::yellow, "approval needed") + "  " + string_or(call, "name", "") + "  " +
                id);
  if (const std::string why = string_or(call, "reason", ""); !why.empty())
    terminal.line("    why        " + sentence(why));
  const Json* arguments = find_member(call, "arguments");
  terminal.line("    arguments  " + plain_text(arguments == nullptr ? "{}" : to_text(*arguments)));
  if (const std::string until = string_or(call, "expires_at", ""); !until.empty())
    terminal.line("    until      " + until);
}

RunView::RunView(std::string run_id, Decisions decisions, Terminal& terminal)
    : run_id_(std::move(run_id)), decisions_(decisions), terminal_(terminal) {}

void RunView::show(const std::string& type, const Json& data) {
  if (type == "step.started") {
    terminal_.progress("  " + string_or(data, "step_id", "") + "  " + string_or(data, "tool", ""));
  } else if (type == "step.completed") {
    show_step(data);
  } else if (type == "tool_call.started") {
    terminal_.progress("    " + string_or(data, "name", ""));
  } else if (type == "tool_call.progress") {
    show_progress(data);
  } else if (type == "tool_call.completed" || type == "tool_call.failed") {
    show_call_end(type, data);
  } else if (type == "tool_call.approval_requested") {
    ask(data);
  } else if (type == "tool_call.approved" || type == "tool_call.denied") {
    show_decision(type, data);
  } else if (type == "message.started") {
    has_deltas_ = false;
  } else if (type == "message.delta") {
    const std::string text = plain_text(string_or(data, "text", ""));
    const bool is_reasoning = string_or(data, "kind", "text") == "reasoning";
    if (!is_reasoning) has_deltas_ = has_deltas_ || !text.empty();
    terminal_.flow(is_reasoning ? terminal_.paint(Colour::dim, text) : text);
  } else if (type == "message.completed") {
    show_message(data);
  } else if (type == "run.status") {
    show_status(data);
  } else if (type == "run.resumed") {
    const bool is_restart = string_or(data, "reason", "") == "server_restarted";
    if (is_restart) terminal_.line("  The server was restarted; the run goes on after what it has done.");
  } else if (type == "run.cancelling" || type == "warning") {
    const std::string name = type == "warning" ? "warning" : "cancelling";
    terminal_.line("  " + terminal_.paint(Colour::yellow, name) + "  " + sentence(string_or(data, "message", "")));
  }
}

void RunView::show_step(const Json& data) {
  const std::string status = string_or(data, "status", "");
  terminal_.line("  " + terminal_.paint(Colour::bold, padded(string_or(data, "step_id", ""), kNameWidth)) + " " +
                 padded(duration_of(data), kDurationWidth) + " " + terminal_.paint(colour_of_status(status), status) +
                 (status == "failed" ? "  " + sentence(error_text(data)) : ""));
}

void RunView::show_call_end(const std::string& type, const Json& data) {
  const bool is_failed = type == "tool_call.failed" || bool_or(data, "is_error", false);
  std::string text = error_text(data);
  if (text.empty()) text = string_or(data, "summary", "");
  terminal_.line("    " + padded(string_or(data, "name", ""), kNameWidth) + " " +
                 padded(duration_of(data), kDurationWidth - 2) + " " +
                 (is_failed ? terminal_.paint(Colour::red, string_or(data, "status", "failed")) + "  " : "") +
                 sentence(text));
}

void RunView::show_progress(const Json& data) {
  const Json* event = find_member(data, "event");
  if (event == nullptr) return;
  const Json* inner = find_member(*event, "data");
  const Json& what = inner == nullptr ? *event : *inner;
  std::string text = "    " + string_or(data, "name", "") + "  " + string_or(*event, "type", "");
  if (const auto percent = integer_member(what, "percent")) text += "  " + std::to_string(*percent) + " %";
  terminal_.progress(text + "  " + sentence(string_or(what, "phase", string_or(what, "check_id", ""))));
}

void RunView::show_message(const Json& data) {
  // Pieces are kept for a day; the whole message is kept.
  last_message_ = string_or(data, "text", "");
  if (!has_deltas_) terminal_.flow(plain_text(last_message_));
  terminal_.flow("\n");
  has_deltas_ = false;
}

void RunView::show_status(const Json& data) {
  const std::string waiting_for = string_or(data, "waiting_for", "");
  if (waiting_for.empty()) return;
  std::string text = "waiting for " + (waiting_for == "rate_limit" ? "the rate limit"
                                       : waiting_for == "approval" ? "a person"
                                                                   : "the " + waiting_for);
  if (const auto delay = integer_member(data, "retry_after_ms")) text += ", about " + duration_text(*delay);
  // A scan takes its time and shows it by itself.
  if (waiting_for == "scan")
    terminal_.progress("    " + text);
  else
    terminal_.line("    " + terminal_.paint(Colour::yellow, text));
}

void RunView::ask(const Json& data) {
  show_open_call(data, terminal_);
  if (decisions_ == Decisions::asked_here) return;
  const std::string id = string_or(data, "tool_call_id", "");
  terminal_.line("    allow it   weir runs approve " + run_id_ + " " + id);
  terminal_.line("    refuse it  weir runs deny " + run_id_ + " " + id + " --reason \"...\"");
}

void RunView::show_decision(const std::string& type, const Json& data) {
  std::string text = type == "tool_call.approved" ? terminal_.paint(Colour::green, "approved")
                                                  : terminal_.paint(Colour::red, "denied");
  text += "  " + string_or(data, "name", "");
  if (const std::string by = string_or(data, "decided_by", ""); !by.empty()) text += "  by " + sentence(by);
  if (const std::string why = string_or(data, "reason", ""); !why.empty()) text += ": " + sentence(why);
  terminal_.line("    " + text);
}

void RunView::show_end(const Json& run) {
  const std::string status = string_or(run, "status", "");
  terminal_.line("");
  const Json* output = find_member(run, "output");
  // A model's last message is its output, and has just been shown.
  const bool is_shown = output != nullptr && output->is_string() && !last_message_.empty() && *output == last_message_;
  if (output != nullptr && !output->is_null() && !is_shown) {
    terminal_.line(output_text(*output));
    terminal_.line("");
  }
  std::string last = status;
  if (const std::string why = string_or(run, "incomplete_reason", ""); !why.empty()) last += " (" + why + ")";
  if (const std::string error = error_text(run); !error.empty()) last += ": " + sentence(error);
  terminal_.line(terminal_.paint(Colour::bold, last));
  if (const Json* usage = find_member(run, "usage"); usage != nullptr && usage->is_object()) {
    terminal_.line(terminal_.paint(Colour::dim, usage_text(*usage)));
  }
}

}  // namespace weir::cli
