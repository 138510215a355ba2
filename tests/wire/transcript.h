// A wire transcript: what is sent byte for byte, and what must come back. Reading, writing and running are apart, so
// that `--update` can write what a run saw.
//
//   why: one sentence
//
//   @restart | @advance MS | @repeat N | @during EVENT JSON      what happens before or during the next exchange
//   @changed URI                                                a resource has changed
//   @keep N                                                     reads N events of the stream and leaves it open
//   @leave N                                                    reads N events and closes the connection
//   @then N                                                     reads N more events of the stream left open
//   > POST /mcp                                                 request line, then headers, an empty line, the body
//   > Mcp-Method: tools/list
//   >
//   > {"jsonrpc":"2.0",...}
//   < 200                                                       the answer, as the runner renders it; then, of @then, what
//                                                               came on the stream left open
#pragma once
#include <string>
#include <vector>

namespace weir::wire {

struct Directive {
  std::string name;   // "restart"
  std::string value;  // the rest of the line
};

// Not thread-safe: a value.
struct Step {
  std::vector<Directive> before;
  std::vector<std::string> request;   // lines without "> "
  std::vector<std::string> expected;  // lines without "< "
};

// Not thread-safe: a value.
struct Transcript {
  std::vector<std::string> head;  // the lines before the first step: why
  std::vector<Step> steps;
};

// Throws std::runtime_error, with the line number, if a line has no meaning.
Transcript parse_transcript(const std::string& text);
std::string to_text(const Transcript& transcript);

}  // namespace weir::wire
