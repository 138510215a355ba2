#include "tests/wire/transcript.h"

#include <algorithm>
#include <sstream>
#include <stdexcept>

namespace weir::wire {

namespace {

// ">" and "> x" carry "" and "x".
bool take_marked(const std::string& line, char marker, std::string& out) {
  if (line.empty() || line[0] != marker) return false;
  out = line.size() > 2 ? line.substr(2) : "";
  return true;
}

// A step without a request waits for what comes on the stream left open.
bool is_whole(const Step& step) {
  return !step.request.empty() ||
         std::ranges::any_of(step.before, [](const Directive& each) { return each.name == "then"; });
}

}  // namespace

Transcript parse_transcript(const std::string& text) {
  Transcript transcript;
  std::istringstream lines(text);
  std::string line;
  std::string content;
  Step step;
  const auto close = [&] {
    if (step.request.empty() && step.before.empty()) return;
    transcript.steps.push_back(std::exchange(step, {}));
  };
  for (int number = 1; std::getline(lines, line); ++number) {
    if (line.starts_with("@")) {
      if (!step.request.empty() || !step.expected.empty()) close();
      const std::size_t space = line.find(' ');
      step.before.push_back({line.substr(1, space - 1), space == std::string::npos ? "" : line.substr(space + 1)});
    } else if (take_marked(line, '>', content)) {
      if (!step.expected.empty()) close();
      step.request.push_back(content);
    } else if (take_marked(line, '<', content)) {
      if (!is_whole(step)) throw std::runtime_error("line " + std::to_string(number) + ": an answer without a request");
      step.expected.push_back(content);
    } else if (line.empty()) {
      if (is_whole(step)) close();
    } else if (transcript.steps.empty() && step.request.empty()) {
      transcript.head.push_back(line);
    } else {
      throw std::runtime_error("line " + std::to_string(number) + ": expected one of why: @ > <");
    }
  }
  close();
  return transcript;
}

std::string to_text(const Transcript& transcript) {
  std::string out;
  for (const std::string& line : transcript.head) out += line + "\n";
  for (const Step& step : transcript.steps) {
    out += "\n";
    for (const Directive& each : step.before)
      out += "@" + each.name + (each.value.empty() ? "" : " " + each.value) + "\n";
    for (const std::string& line : step.request) out += line.empty() ? ">\n" : "> " + line + "\n";
    for (const std::string& line : step.expected) out += line.empty() ? "<\n" : "< " + line + "\n";
  }
  return out;
}

}  // namespace weir::wire
