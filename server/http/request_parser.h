// cpp-httplib, used for what it is good at: it parses the request line of a request that the framer has vetted
// (method, path, query). Header fields stay as the framer read them: httplib percent-decodes their values and
// loses their order. The only place that names httplib.
#pragma once
#include <memory>

#include "base/result.h"
#include "server/http/framer.h"
#include "server/http/message.h"

namespace weir::http {

// Not thread-safe: owned by one worker.
class RequestParser {
 public:
  RequestParser();
  ~RequestParser();
  RequestParser(const RequestParser&) = delete;
  RequestParser& operator=(const RequestParser&) = delete;

  // Fills `request` but for the peer's address; a refusal if the method is unknown to the parser (501).
  // Never blocks.
  std::optional<Refusal> parse(FramedRequest framed, Request& request);

 private:
  class Engine;  // derives from httplib::Server

  bool parse_line(const RequestHead& head);

  std::unique_ptr<Engine> engine_;
  // The request line parsed last and what it means: most clients repeat one line (POST /mcp) for hours, and a
  // comparison is a hundred times cheaper than the parser.
  std::string last_method_;
  std::string last_target_;
  std::string last_path_;
  std::vector<std::pair<std::string, std::string>> last_query_;
};

}  // namespace weir::http
