#include <array>
#include <charconv>
#include <limits>

#include "server/config.h"

namespace weir::server {
namespace {

Error expected(std::string_view what, std::string_view text) {
  return Error(ErrorCode::validation_failed, "expects " + std::string(what) + ", got \"" + printable(text) + "\"");
}

Result<std::int64_t> parse_integer(std::string_view text, std::int64_t least, std::int64_t most) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < least || value > most) {
    return expected("a whole number from " + std::to_string(least) + " to " + std::to_string(most), text);
  }
  return value;
}

// A setter for an integral field: its bounds are checked here and shown in the reference.
template <auto kField, std::int64_t kLeast, std::int64_t kMost>
Result<void> set_integer(Config& config, std::string_view text) {
  auto value = parse_integer(text, kLeast, kMost);
  if (!value) return std::move(value).error();
  auto& field = kField(config);
  field = std::remove_reference_t<decltype(field)>(*value);
  return {};
}
template <auto kField>
std::string show_integer(const Config& config) {
  const auto& field = kField(const_cast<Config&>(config));
  if constexpr (requires { field.count(); }) {
    return std::to_string(field.count());
  } else {
    return std::to_string(field);
  }
}

std::vector<std::string> split_list(std::string_view text) {
  std::vector<std::string> items;
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    std::string_view item = text.substr(0, comma);
    while (item.starts_with(' ')) item.remove_prefix(1);
    while (item.ends_with(' ')) item.remove_suffix(1);
    if (!item.empty()) items.emplace_back(item);
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return items;
}

template <auto kField>
Result<void> set_list(Config& config, std::string_view text) {
  kField(config) = split_list(text);
  return {};
}
std::string join(const std::vector<std::string>& items) {
  std::string text;
  for (const std::string& item : items) text += (text.empty() ? "" : ",") + item;
  return text;
}
template <auto kField>
std::string show_list(const Config& config) {
  return join(kField(const_cast<Config&>(config)));
}

template <typename E>
struct Choice {
  std::string_view name;
  E value;
};
template <auto kField, const auto& kChoices>
Result<void> set_choice(Config& config, std::string_view text) {
  std::string names;
  for (const auto& choice : kChoices) {
    if (choice.name == text) {
      kField(config) = choice.value;
      return {};
    }
    names += (names.empty() ? "" : ", ") + std::string(choice.name);
  }
  return expected("one of " + names, text);
}
template <auto kField, const auto& kChoices>
std::string show_choice(const Config& config) {
  for (const auto& choice : kChoices) {
    if (choice.value == kField(const_cast<Config&>(config))) return std::string(choice.name);
  }
  return "";
}

using Synchronous = store::DatabaseSettings::Synchronous;
constexpr std::array kSynchronous = {Choice<Synchronous>{"normal", Synchronous::normal},
                                     Choice<Synchronous>{"full", Synchronous::full}};
constexpr std::array kLoopback = {Choice<Config::Loopback>{"auto", Config::Loopback::automatic},
                                  Choice<Config::Loopback>{"true", Config::Loopback::allowed},
                                  Choice<Config::Loopback>{"false", Config::Loopback::refused}};
constexpr std::array kRateStatus = {Choice<Config::RateLimitStatus>{"result", Config::RateLimitStatus::result},
                                    Choice<Config::RateLimitStatus>{"http", Config::RateLimitStatus::http}};
constexpr std::array kLevels = {
    Choice<log::Level>{"debug", log::Level::debug}, Choice<log::Level>{"info", log::Level::info},
    Choice<log::Level>{"warning", log::Level::warning}, Choice<log::Level>{"error", log::Level::error},
    Choice<log::Level>{"off", log::Level::off}};
constexpr std::array kFormats = {Choice<Config::LogFormat>{"auto", Config::LogFormat::automatic},
                                 Choice<Config::LogFormat>{"text", Config::LogFormat::text},
                                 Choice<Config::LogFormat>{"json", Config::LogFormat::json}};

Result<void> set_listen(Config& config, std::string_view text) {
  auto place = parse_listen(text);
  if (!place) return std::move(place).error();
  config.http.host = place->first;
  config.http.port = place->second;
  return {};
}
std::string show_listen(const Config& config) {
  const bool is_v6 = config.http.host.find(':') != std::string::npos;
  return (is_v6 ? "[" + config.http.host + "]" : config.http.host) + ":" + std::to_string(config.http.port);
}

Result<void> set_data_dir(Config& config, std::string_view text) {
  if (text.empty()) return expected("the path of a folder", text);
  config.data_dir = text;
  return {};
}

Result<void> set_public_url(Config& config, std::string_view text) {
  if (text.empty()) {
    config.public_url.clear();
    return {};
  }
  auto url = egress::Url::parse(text);
  if (!url || url->path != "/") return expected("an http or https URL without a path", text);
  config.public_url = url->origin();
  return {};
}

template <auto kField>
Result<void> set_ranges(Config& config, std::string_view text) {
  std::vector<egress::AddressRange> ranges;
  for (const std::string& item : split_list(text)) {
    auto range = egress::AddressRange::parse(item);
    if (!range) return expected("address ranges such as 10.1.0.0/16", item);
    ranges.push_back(*range);
  }
  kField(config) = std::move(ranges);
  return {};
}
template <auto kField>
std::string show_ranges(const Config& config) {
  std::string text;
  for (const auto& range : kField(const_cast<Config&>(config))) text += (text.empty() ? "" : ",") + range.to_text();
  return text;
}

// What is wrong is said without the text itself: it may hold the password.
Result<void> set_redis_url(Config& config, std::string_view text) {
  config.redis.reset();
  if (text.empty()) return {};
  auto redis = limits::RedisSettings::parse(text);
  if (!redis) {
    std::string_view complaint = redis.error().message;
    constexpr std::string_view kName = "redis.url: ";
    if (complaint.starts_with(kName)) complaint.remove_prefix(kName.size());
    return Error(ErrorCode::validation_failed, "is no address of a Redis: " + std::string(complaint));
  }
  config.redis = *std::move(redis);
  return {};
}
std::string show_redis_url(const Config& config) { return config.redis ? config.redis->shown() : ""; }

// Tokens and keys travel to and from it, so it must be https; on this machine http will do.
Result<void> check_issuer_url(std::string_view text) {
  const auto url = egress::Url::parse(text);
  if (url && url->scheme == "https") return {};
  const auto address = egress::IpAddress::parse(url ? url->host : "");
  const bool is_local = address && address->address_class() == egress::AddressClass::loopback;
  if (url && (is_local || url->host == "localhost")) return {};
  return expected("an https URL (http only on this machine)", text);
}
template <auto kField>
Result<void> set_issuer_url(Config& config, std::string_view text) {
  if (!text.empty()) {
    if (auto checked = check_issuer_url(text); !checked) return checked;
  }
  kField(config) = text;
  return {};
}
template <auto kField>
Result<void> set_text(Config& config, std::string_view text) {
  kField(config) = text;
  return {};
}
template <auto kField>
std::string show_text(const Config& config) {
  return kField(const_cast<Config&>(config));
}
using auth::UnknownSubjects;
constexpr std::array kUnknownSubjects = {Choice<UnknownSubjects>{"create", UnknownSubjects::create},
                                         Choice<UnknownSubjects>{"refuse", UnknownSubjects::refuse}};

Result<void> set_store_url(Config& config, std::string_view text) {
  config.store.postgres.reset();
  if (text.empty()) return {};
  auto postgres = store::PostgresSettings::parse(text);
  if (!postgres) {
    std::string_view complaint = postgres.error().message;
    constexpr std::string_view kName = "store.url: ";
    if (complaint.starts_with(kName)) complaint.remove_prefix(kName.size());
    return Error(ErrorCode::validation_failed, "is no address of a PostgreSQL database: " + std::string(complaint));
  }
  config.store.postgres = *std::move(postgres);
  return {};
}
std::string show_store_url(const Config& config) { return config.store.postgres ? config.store.postgres->shown() : ""; }

using limits::OnRedisLoss;
constexpr std::array kOnRedisLoss = {Choice<OnRedisLoss>{"local", OnRedisLoss::local},
                                     Choice<OnRedisLoss>{"closed", OnRedisLoss::closed},
                                     Choice<OnRedisLoss>{"open", OnRedisLoss::open}};
constexpr std::array kMetricsAccess = {Choice<Config::MetricsAccess>{"false", Config::MetricsAccess::admin},
                                       Choice<Config::MetricsAccess>{"true", Config::MetricsAccess::open}};

constexpr std::array kNoYes = {Choice<bool>{"false", false}, Choice<bool>{"true", true}};

// "5s", "1m", "10m", "1h", "250ms", "1d".
Result<std::chrono::milliseconds> parse_duration(std::string_view text) {
  std::int64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  const std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
  constexpr std::array<std::pair<std::string_view, std::int64_t>, 5> kUnits = {
      {{"ms", 1}, {"s", 1'000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}}};
  constexpr std::int64_t kDaysMax = 30;
  for (const auto& [name, factor] : kUnits) {
    if (error == std::errc() && unit == name && count >= 0 && count <= kDaysMax * 86'400'000 / factor) {
      return std::chrono::milliseconds{count * factor};
    }
  }
  return expected("durations of at most 30 days such as 250ms, 5s, 10m, 6h or 1d", text);
}
std::string shown_duration(std::chrono::milliseconds duration) {
  const std::int64_t ms = duration.count();
  if (ms > 0 && ms % 3'600'000 == 0) return std::to_string(ms / 3'600'000) + "h";
  if (ms > 0 && ms % 60'000 == 0) return std::to_string(ms / 60'000) + "m";
  return ms % 1'000 == 0 ? std::to_string(ms / 1'000) + "s" : std::to_string(ms) + "ms";
}
Result<void> set_retry_schedule(Config& config, std::string_view text) {
  constexpr std::size_t kRetriesMax = 20;
  std::vector<std::chrono::milliseconds> delays;
  for (const std::string& item : split_list(text)) {
    auto delay = parse_duration(item);
    if (!delay) return std::move(delay).error();
    delays.push_back(*delay);
  }
  if (delays.size() > kRetriesMax) return expected("at most 20 durations", text);
  config.webhooks.settings.retry.delays = std::move(delays);
  return {};
}
std::string show_retry_schedule(const Config& config) {
  std::string text;
  for (const auto delay : config.webhooks.settings.retry.delays)
    text += (text.empty() ? "" : ",") + shown_duration(delay);
  return text;
}

#define FIELD(path) \
  [](Config & c) -> auto& { return c.path; }
#define INTEGER(name, path, least, most, text)                                                                   \
  Setting {                                                                                                      \
    name, "integer", #least " to " #most, text, set_integer<FIELD(path), least, most>, show_integer<FIELD(path)> \
  }
#define TEXT(name, path, text) \
  Setting { name, "text", "", text, set_text<FIELD(path)>, show_text<FIELD(path)> }
#define ISSUER_URL(name, path, text) \
  Setting { name, "url", "", text, set_issuer_url<FIELD(path)>, show_text<FIELD(path)> }
#define LIST(name, path, text) \
  Setting { name, "list", "", text, set_list<FIELD(path)>, show_list<FIELD(path)> }
#define RANGES(name, path, text) \
  Setting { name, "list of ranges", "", text, set_ranges<FIELD(path)>, show_ranges<FIELD(path)> }
#define CHOICE(name, path, choices, names, text) \
  Setting { name, "choice", names, text, set_choice<FIELD(path), choices>, show_choice<FIELD(path), choices> }

// The order is the order of the reference and of weir.example.toml.
constexpr std::array kSettings = {
    Setting{"data.dir", "path", "", "Folder of the database, the first key and the lock file.", set_data_dir,
            [](const Config& c) { return c.data_dir; }},
    Setting{"server.listen", "address", "",
            "HOST:PORT to listen on. Port 0 takes a free port. Anything but a loopback address is reachable by others.",
            set_listen, show_listen},
    Setting{"server.public_url", "url", "",
            "What callers type to reach this server, when it stands behind a proxy. Empty: the listener's address.",
            set_public_url, [](const Config& c) { return c.public_url; }},
    LIST("server.allowed_hosts", allowed_hosts,
         "Host header values that are answered besides the listener's own names (protection against DNS rebinding)."),
    RANGES(
        "server.trusted_proxies", gate.trusted_proxies,
        "Address ranges of the proxies whose X-Forwarded-For tells who is calling. Empty: the header means nothing."),
    INTEGER("server.workers", http.workers, 1, 256, "Threads that serve requests."),
    INTEGER("server.head_bytes_max", http.head_bytes_max, 1024, 1048576, "Largest request head; beyond: 431."),
    INTEGER("server.body_bytes_max", http.body_bytes_max, 1024, 67108864, "Largest request body; beyond: 413."),
    INTEGER("server.connections_max", http.connections_max, 8, 1000000, "Open connections; beyond: refused."),
    INTEGER("server.connections_per_address_max", http.connections_per_address_max, 1, 1000000,
            "Open connections of one client address; beyond: refused."),
    INTEGER("server.head_timeout_ms", http.head_timeout, 10, 600000, "From the first byte to the end of the head."),
    INTEGER("server.body_timeout_ms", http.body_timeout, 10, 3600000,
            "From the end of the head to the end of the body."),
    INTEGER("server.idle_timeout_ms", http.idle_timeout, 10, 3600000, "Between requests of a kept-alive connection."),
    INTEGER("server.write_timeout_ms", http.write_timeout, 10, 3600000,
            "Without progress while a reply waits to be sent."),
    INTEGER("server.stop_timeout_ms", http.stop_timeout, 0, 600000, "How long running calls may take after SIGTERM."),
    INTEGER("server.stream_heartbeat_ms", http.stream_heartbeat, 100, 600000, "Between comments on a quiet stream."),
    INTEGER("server.stream_retry_ms", http.stream_retry, 100, 600000,
            "When readers should come back after the server has stopped."),
    INTEGER("server.stream_pending_bytes_max", http.stream_pending_bytes_max, 1024, 67108864,
            "A reader for whom more waits is disconnected; it resumes by event id."),
    INTEGER("server.stream_pending_frames_max", http.stream_pending_frames_max, 1, 1000000, "The same, in events."),
    Setting{"store.url", "url", "",
            "The database that several servers share: postgresql://USER:PASSWORD@HOST:PORT/DATABASE, or "
            "postgresql://USER@/DATABASE?host=/FOLDER/OF/THE/SOCKET. Empty: SQLite in the data folder.",
            set_store_url, show_store_url},
    CHOICE("store.synchronous", store.synchronous, kSynchronous, "normal, full",
           "Of SQLite. normal: a killed process loses nothing. full: a power cut neither. PostgreSQL has its own "
           "setting."),
    INTEGER("store.busy_timeout_ms", store.busy_timeout, 0, 60000,
            "Wait for another process that is writing, or for a free connection."),
    INTEGER("store.statement_timeout_ms", store.statement_timeout, 100, 600000,
            "Longest statement on PostgreSQL; beyond, the call is answered 503."),
    INTEGER("store.readers", store.readers, 1, 64, "Read connections."),
    ISSUER_URL(
        "auth.issuer", auth.issuer,
        "The authorization server whose access tokens (JWT, RS256 or ES256) are accepted beside API keys, as in their "
        "claim iss. Empty: API keys only."),
    LIST("auth.audience", auth.audiences,
         "What the claim aud of a token must name one of. Empty: the public URL of this server, with or without /mcp."),
    ISSUER_URL("auth.jwks_url", auth.jwks_url, "Where the issuer's public keys are fetched. This or auth.jwks_file."),
    TEXT("auth.jwks_file", auth.jwks_file, "A file with the issuer's public keys, a JSON Web Key Set."),
    INTEGER("auth.jwks_refresh_ms", auth.jwks_refresh, 1000, 3600000,
            "The least time between two attempts to get the keys, whatever tokens arrive."),
    LIST("auth.scope_map", auth.scope_map,
         "THEIRS=OURS: what a scope of the issuer grants here, such as weir.scan=scans:run or weir.all=write. A scope "
         "that "
         "is named as ours (scans:run) needs no entry; admin does."),
    TEXT("auth.account_claim", auth.account_claim, "The claim that tells subjects apart."),
    LIST("auth.account_map", auth.account_map, "SUBJECT=ACCOUNT: subjects that belong to an account that exists."),
    CHOICE("auth.unknown_subjects", auth.unknown_subjects, kUnknownSubjects, "create, refuse",
           "A subject that the map does not name. create: gets an account of its own at its first call. refuse: 403."),
    TEXT("auth.tier", auth.tier, "The tier of accounts that are made so."),
    INTEGER("limits.failures_per_address", gate.failures_per_address, 1, 100000,
            "Calls without a valid key that one address may make in a minute."),
    INTEGER("limits.tracked_addresses_max", gate.tracked_addresses_max, 100, 10000000,
            "Addresses whose failures are remembered; beyond, the oldest is forgotten."),
    INTEGER("limits.key_refresh_ms", gate.key_refresh, 0, 60000,
            "How long a looked-up key is believed: the longest time after which a revocation acts."),
    INTEGER("limits.max_wait_seconds", pacing.wait_max, 0, 300,
            "How long a call that asks for it (Prefer: wait, weir/maxWaitMs) is held for its slot at most; 0: never."),
    INTEGER("limits.held_per_key_max", pacing.held_per_key_max, 1, 100000, "Held calls of one key; beyond: refused."),
    INTEGER("limits.held_max", pacing.held_max, 1, 1000000, "Held calls of all keys; beyond: refused."),
    CHOICE("limits.on_redis_loss", redis_loss.on_loss, kOnRedisLoss, "local, closed, open",
           "While Redis is away. local: each node admits its share. closed: nobody is admitted. open: everybody is."),
    INTEGER("limits.nodes", redis_loss.nodes, 1, 10000,
            "Servers that share one Redis: what a limit is divided by while it is away (local)."),
    INTEGER("limits.redis_deadline_ms", redis_deadline, 1, 10000,
            "How long a decision waits for Redis before it counts as away."),
    Setting{"redis.url", "url", "",
            "Where the windows of all nodes live: redis://[:PASSWORD@]HOST[:PORT][/DB] or "
            "unix://[:PASSWORD@]/PATH[?db=DB]. "
            "Empty: in this process.",
            set_redis_url, show_redis_url},
    CHOICE("metrics.open", metrics_access, kMetricsAccess, "false, true",
           "true: GET /metrics needs no key. false: it needs one with the scope admin."),
    LIST("mcp.allowed_origins", mcp_allowed_origins,
         "Origins of web pages that may call /mcp besides the server's own. Others get 403."),
    CHOICE("mcp.rate_limit_status", mcp_rate_limit_status, kRateStatus, "result, http",
           "result: a refused tool call is a result that the model reads. http: it is HTTP 429."),
    INTEGER("mcp.session_idle_ms", mcp_session_idle, 1000, 2592000000, "An unused session ends after this time."),
    CHOICE("scans.allow_loopback", scans_allow_loopback, kLoopback, "auto, true, false",
           "May this machine itself be scanned? auto: only if the server listens on a loopback address."),
    RANGES("scans.allow_private", scans_allow_private,
           "Private address ranges that may be scanned, such as 10.1.0.0/16. Empty: none."),
    INTEGER("scans.at_once", scans_at_once, 1, 64, "Scans that run at the same time on this server."),
    INTEGER("scans.deadline_s", scans_deadline, 10, 86400, "A scan that takes longer ends as timed_out."),
    INTEGER("scans.cooldown_s", scans_cooldown, 0, 86400, "Between two scans of one public host."),
    INTEGER("runs.at_once", runs_at_once, 0, 256,
            "Runs of agents that this server executes side by side; the others wait in the queue. 0: all wait, for "
            "other nodes."),
    INTEGER("runs.queued_per_account_max", runs.queued_per_account_max, 1, 1000000,
            "Runs of one account that may wait for their turn; beyond: concurrency_limit."),
    INTEGER("runs.queue_time_s", runs.queue_time, 1, 604800, "A run that has not begun by then has expired."),
    INTEGER("runs.wall_max_s", runs.wall_max, 1, 86400,
            "The longest that any run may work, whatever its agent says; waiting for people does not count."),
    CHOICE("runs.stop_all_tools", runs.are_tools_stopped, kNoYes, "true, false",
           "The kill switch: true lets no run call any tool, and no run start."),
    INTEGER("events.keep_hours", events.keep, 1, 876000,
            "Events older than this are deleted, all but the newest of each resource."),
    INTEGER("events.keep_per_resource", events.per_resource, 1, 1000000000,
            "Events of one scan or run that are kept; beyond, the oldest are deleted."),
    INTEGER("events.trim_ms", events.between, 10, 3600000, "Between two small transactions that delete old events."),
    INTEGER(
        "events.stream_lifetime_s", stream_lifetime, 0, 604800,
        "An event stream is closed after about this time and its reader comes back, so that a load balancer may spread "
        "readers anew. 0: never."),
    CHOICE("webhooks.allow_http", webhooks.settings.allow_http, kNoYes, "false, true",
           "true: webhooks may have http URLs, which anybody between can read and change."),
    CHOICE("webhooks.allow_loopback", webhooks.allow_loopback, kNoYes, "false, true",
           "true: webhooks may go to this machine itself."),
    RANGES("webhooks.allow_private", webhooks.allow_private,
           "Private address ranges that webhooks may go to, such as 10.1.0.0/16. Empty: none."),
    TEXT("webhooks.ca_file", webhooks.settings.ca_file,
         "A PEM file of the authorities that receivers are certified by. Empty: the system's."),
    TEXT("webhooks.key_file", webhooks.key_file,
         "The key that seals the secrets of webhooks in the database; made if it is missing. Servers that share a "
         "database "
         "share its copies. Empty: secrets.key in the data folder."),
    Setting{"webhooks.retry_schedule", "list of durations", "at most 20, each up to 30d",
            "Between an attempt that failed and the next, each stretched or shortened by up to 20 %. After the last "
            "one the "
            "delivery has failed.",
            set_retry_schedule, show_retry_schedule},
    INTEGER("webhooks.timeout_ms", webhooks.settings.timeout, 100, 60000, "How long a receiver may take to answer."),
    INTEGER("webhooks.at_once", webhooks.settings.at_once, 1, 10000,
            "Deliveries under way at the same time; each is a connection."),
    INTEGER("webhooks.at_once_per_endpoint", webhooks.settings.at_once_per_endpoint, 1, 100,
            "The same, for one webhook."),
    INTEGER("webhooks.workers", webhooks.settings.resolvers, 1, 64,
            "Threads that wait for DNS for deliveries. One more thread carries all connections."),
    INTEGER("webhooks.per_account_max", webhooks.settings.per_account_max, 1, 10000, "Webhooks of one account."),
    INTEGER("webhooks.failures_to_pause", webhooks.settings.retry.failures_to_pause, 1, 1000,
            "After this many failures in a row a receiver gets one attempt at a time, when that is due."),
    INTEGER("webhooks.disable_after_ms", webhooks.settings.retry.disable_after, 1000, 2592000000,
            "A webhook that did nothing but fail for this long is disabled, and an event says so."),
    INTEGER("webhooks.secret_overlap_ms", webhooks.settings.secret_overlap, 0, 2592000000,
            "How long the old secret still signs after a rotation, unless the caller says otherwise."),
    INTEGER("webhooks.log_kept_ms", webhooks.settings.log_kept, 1000, 31536000000,
            "Deliveries that ended longer ago are deleted from the log."),
    CHOICE("log.level", log_level, kLevels, "debug, info, warning, error, off", "What is logged to standard error."),
    CHOICE("log.format", log_format, kFormats, "auto, text, json", "auto: text on a terminal, else JSON lines."),
};

}  // namespace

std::span<const Setting> settings() { return kSettings; }

}  // namespace weir::server
