#include "server/cli/serve_command.h"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>

#include "server/app.h"
#include "server/cli/connect_help.h"
#include "server/cli/server_options.h"
#include "server/signals.h"

namespace weir::cli {
namespace {

void configure_log(const server::Config& config) {
  using LogFormat = server::Config::LogFormat;
  const bool is_text =
      config.log_format == LogFormat::text || (config.log_format == LogFormat::automatic && isatty(STDERR_FILENO) == 1);
  log::configure(config.log_level, is_text ? log::Format::text : log::Format::json);
}

void welcome(const server::App& app, const std::string& data_dir, Terminal& terminal) {
  if (!app.first_key()) return;
  terminal.line("This is the first start. An account \"default\" and its admin key were made:");
  terminal.line("");
  terminal.line("  " + terminal.paint(Colour::bold, *app.first_key()));
  terminal.line("");
  terminal.line("It is shown once; a copy is in " + (std::filesystem::path(data_dir) / kAdminKeyFile).string() +
                " (mode 0600). Make keys with a limit for everybody else:");
  terminal.line("  weir keys create --data " + data_dir + " --account NAME --tier free");
  terminal.line("");
  terminal.line("Connect an assistant:");
  terminal.line("");
  terminal.line(connect_help(app.url(), *app.first_key()));
}

// Connections need descriptors: the soft limit is a default of shells, the hard one is what the machine allows.
void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) log::warning("serve.descriptor_limit_not_raised");
}

}  // namespace

int run_serve(const server::ConfigSources& sources, Terminal& terminal) {
  auto config = server::load_config(sources);
  if (!config) {
    terminal.error(config.error().message);
    return kExitFailed;
  }
  configure_log(*config);
  raise_descriptor_limit();
  server::block_stop_signals();
  auto app = server::App::create(*config);
  if (!app) {
    terminal.error(app.error().message);
    if (!app.error().cause.empty()) log::error("serve.start_failed", {{"cause", app.error().cause}});
    return kExitFailed;
  }
  if (!config->listens_on_loopback()) {
    log::warning("serve.reachable_by_others",
                 {{"listen", config->http.host}, {"advice", "put a TLS proxy in front and give every user a key"}});
  }
  // Commands of the same data folder find the server by this file while it runs.
  const UrlFile url_file(config->data_dir, (*app)->url());
  (*app)->start();
  welcome(**app, config->data_dir, terminal);
  terminal.line("weir ready on " + (*app)->url());
  const int signal = server::wait_for_stop_signal();
  log::info("serve.stopping", {{"signal", signal}});
  // Someone who presses Ctrl-C twice does not want to wait for running calls.
  server::let_the_next_stop_signal_kill();
  (*app)->stop();
  app->reset();
  log::info("serve.stopped");
  return kExitOk;
}

}  // namespace weir::cli
