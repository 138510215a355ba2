#include <unistd.h>

#include <cerrno>

#include "base/log.h"
#include "server/app.h"
#include "server/cli/commands.h"
#include "server/cli/line_input.h"
#include "server/cli/server_options.h"
#include "server/cli/stdio_bridge.h"
#include "server/signals.h"

namespace weir::cli {
namespace {

// A host's message may carry a document; the server's own bound is smaller and says so itself.
constexpr std::size_t kLineBytesMax = 4 * 1024 * 1024;
// A host that closes its end wants no more answers, a script that has sent its calls does.
constexpr std::chrono::seconds kLastAnswers{60};

// One message on one line; false once nobody reads.
bool write_line(const Json& message) {
  const std::string line = to_text(message) + "\n";
  std::size_t sent = 0;
  while (sent < line.size()) {
    const ssize_t size = ::write(STDOUT_FILENO, line.data() + sent, line.size() - sent);
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return false;
    sent += static_cast<std::size_t>(size);
  }
  return true;
}

int serve_lines(const Place& place) {
  auto url = egress::Url::parse(place.url);
  if (!url) {
    log::error("stdio.bad_url", {{"message", url.error().message}});
    return kExitUsage;
  }
  StdioBridge bridge(*std::move(url), place.key, [](const Json& message) {
    if (!write_line(message)) log::warning("stdio.nobody_reads");
  });
  LineInput input(STDIN_FILENO, kLineBytesMax);
  log::info("stdio.ready", {{"server", place.url}});
  std::string line;
  while (true) {
    switch (input.next(line)) {
      case LineInput::Read::line: bridge.take(line); break;
      case LineInput::Read::too_long: bridge.refuse_long_line(kLineBytesMax); break;
      case LineInput::Read::end: bridge.finish(kLastAnswers); return kExitOk;
      case LineInput::Read::stopped: bridge.finish(std::chrono::seconds{0}); return kExitOk;
    }
  }
}

}  // namespace

int run_stdio(const StdioOptions& options, const server::Config& config) {
  server::block_stop_signals();
  // Standard output belongs to the protocol.
  log::configure(config.log_level,
                 config.log_format == server::Config::LogFormat::json ? log::Format::json : log::Format::text);
  ServerOptions where = options.server;
  where.data_dir = config.data_dir;
  if (const auto remote = chosen_server(where)) return serve_lines(*remote);

  server::Config own = config;
  own.http.host = "127.0.0.1";
  own.http.port = 0;
  auto app = server::App::create(own);
  if (!app) {
    // Somebody serves this folder already: then that server is asked.
    const auto running = running_server(where);
    if (app.error().code == ErrorCode::unavailable && running) return serve_lines(*running);
    log::error("stdio.start_failed", {{"message", app.error().message}, {"cause", app.error().cause}});
    return kExitFailed;
  }
  const UrlFile url_file(config.data_dir, (*app)->url());
  (*app)->start();
  Place place = *running_server(where);
  place.url = "http://127.0.0.1:" + std::to_string((*app)->port());
  const int code = serve_lines(place);
  (*app)->stop();
  return code;
}

}  // namespace weir::cli
