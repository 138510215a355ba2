#include "server/auth/key_source.h"

#include <fstream>
#include <sstream>

#include "base/log.h"
#include "egress/http_client.h"

namespace weir::auth {
namespace {

constexpr std::size_t kKeySetBytesMax = 256 * 1024;

egress::PolicySettings policy_settings() {
  egress::PolicySettings settings;
  settings.allow_loopback = true;
  for (const std::string_view range : {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"}) {
    if (const auto parsed = egress::AddressRange::parse(range)) settings.allowed_private.push_back(*parsed);
  }
  return settings;
}

Result<std::string> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (!file || !(text << file.rdbuf())) {
    return Error(ErrorCode::unavailable, "Cannot read the key set " + path + " (auth.jwks_file).");
  }
  return std::move(text).str();
}

}  // namespace

KeySource::KeySource(Settings settings, const Clock& clock, egress::Resolver& resolver)
    : settings_(std::move(settings)), clock_(clock), resolver_(resolver), policy_(policy_settings()) {}

KeySource::~KeySource() = default;

KeySource::Turn KeySource::take_turn() {
  const auto now = clock_.steady_now();
  return state_.with([&](State& state) {
    if (state.is_fetching) return Turn::others;
    if (state.was_tried && now - state.tried_at < settings_.refresh) return Turn::not_yet;
    state.is_fetching = true;
    state.was_tried = true;
    state.tried_at = now;
    return Turn::fetch;
  });
}

Result<std::string> KeySource::fetch() const {
  if (!settings_.file.empty()) return read_file(settings_.file);
  egress::HttpRequest request;
  auto url = egress::Url::parse(settings_.url);
  if (!url) return std::move(url).error();
  request.url = *std::move(url);
  request.headers = {{"Accept", "application/jwk-set+json, application/json"}};
  request.connect_timeout = kFetchTimeout;
  request.timeout = kFetchTimeout;
  request.body_bytes_max = kKeySetBytesMax;
  // One of its own: a client belongs to one thread, and this happens once in a while.
  egress::HttpClient client(policy_, resolver_, settings_.user_agent);
  auto response = client.send(request);
  if (!response) return std::move(response).error();
  if (response->status != 200 || response->body_truncated) {
    return Error(ErrorCode::unavailable, "The key set at " + settings_.url + " was answered with HTTP " +
                                             std::to_string(response->status) +
                                             (response->body_truncated ? ", longer than is read." : "."));
  }
  return std::move(response->body);
}

void KeySource::refresh() {
  auto text = fetch();
  auto keys = text ? KeySet::parse(*text) : Result<KeySet>(text.error());
  std::shared_ptr<const KeySet> fresh = keys ? std::make_shared<const KeySet>(*std::move(keys)) : nullptr;
  const auto now = clock_.steady_now();
  state_.with([&](State& state) {
    state.is_fetching = false;
    if (!fresh) return;
    state.keys = fresh;
    state.fetched_at = now;
  });
  const std::string& source = settings_.file.empty() ? settings_.url : settings_.file;
  if (fresh) {
    log::info("auth.keys_fetched", {{"source", source}, {"keys", fresh->keys().size()}});
  } else {
    log::warning("auth.keys_not_fetched", {{"source", source}, {"message", keys.error().message}});
  }
}

void KeySource::warm_up() {
  if (take_turn() == Turn::fetch) refresh();
}

Result<Jwk> KeySource::find(std::string_view id, Algorithm algorithm) {
  const auto look = [&]() -> std::pair<std::optional<Jwk>, bool> {
    const auto [keys, fetched_at] =
        state_.with([](const State& state) { return std::pair(state.keys, state.fetched_at); });
    const Jwk* key = keys ? keys->find(id, algorithm) : nullptr;
    const bool is_fresh = keys && clock_.steady_now() - fetched_at < kAgeMax;
    return {key == nullptr ? std::nullopt : std::optional(*key), is_fresh};
  };
  auto [key, is_fresh] = look();
  if (key && is_fresh) return *std::move(key);

  const Turn turn = take_turn();
  if (turn == Turn::fetch) {
    refresh();
    std::tie(key, is_fresh) = look();
  }
  if (key) return *std::move(key);
  const bool is_known = state_.with([](const State& state) { return state.keys != nullptr; });
  if (turn == Turn::others || !is_known) {
    return Error(ErrorCode::unavailable, "The keys of the token's issuer are not at hand yet. Try again shortly.")
        .retry_in(std::chrono::seconds{1});
  }
  return Error(ErrorCode::not_found, "The issuer has no key like the one that the access token is signed with.");
}

}  // namespace weir::auth
