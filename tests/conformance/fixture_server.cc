// The conformance suite's fixtures behind the product's own gate, HTTP and MCP. Prints one line,
// "fixture ready on URL key KEY", and serves until SIGTERM.
#include <cstdio>
#include <filesystem>

#include "base/random.h"
#include "limits/memory_limiter.h"
#include "limits/tiers.h"
#include "server/api_key.h"
#include "server/gate.h"
#include "server/http/server.h"
#include "server/mcp/mcp_endpoint.h"
#include "server/signals.h"
#include "store/accounts_store.h"
#include "streaming/event_hub.h"
#include "streaming/event_log.h"
#include "streaming/resource_waiter.h"
#include "tests/conformance/fixture_tools.h"
#include "tests/support/temp_dir.h"
#include "tools/catalog.h"

namespace weir::mcp::fixtures {
namespace {

// The suite opens hundreds of streams and sessions in a row; no limit may come in between.
Result<std::string> add_key(store::Database& database, const Clock& clock, Random& random) {
  const server::NewApiKey made = server::make_api_key(random);
  auto written = database.write([&](store::Transaction& transaction) -> Result<void> {
    store::AccountRow account;
    account.id = "acc_conformance";
    account.name = "conformance";
    account.tier = "admin";
    account.created_at = account.updated_at = clock.now();
    if (auto done = store::insert_account(transaction, account); !done) return done;
    store::ApiKeyRow key;
    key.id = "key_conformance";
    key.account_id = account.id;
    key.name = "conformance";
    key.prefix = made.prefix;
    key.hash = made.hash;
    key.scopes = {"admin"};
    key.created_at = clock.now();
    return store::insert_key(transaction, key, clock.now());
  });
  if (!written) return std::move(written).error();
  return made.secret;
}

constexpr std::string_view kSkill =
    "---\nname: test-skill\ndescription: A skill for the conformance suite.\n---\n\n# Test\n";

int serve() {
  server::block_stop_signals();
  const testing::TempDir folder;
  SystemClock clock;
  SystemRandom random;
  IdGenerator ids(clock, random);
  TimerQueue timers;
  auto database = store::Database::open({.path = (folder.path() / "weir.db").string()}).value();
  const std::string key = add_key(*database, clock, random).value();
  const limits::Tiers tiers = limits::Tiers::defaults();
  limits::MemoryLimiter limiter(clock);
  server::Gate gate(server::GateSettings{}, *database, limiter, tiers, clock, ids);
  http::ServerSettings settings;
  settings.port = 0;
  auto http = http::Server::open(settings, timers).value();
  auto hub = streaming::EventHub::create();
  auto log = streaming::EventLog::open(*database, *hub, clock).value();
  streaming::ResourceWaiter waiter(*log, *hub, timers, *http);
  const tools::Catalog catalog({}, waiter);
  ListChanges changes;
  TaskBoard board(clock, random);
  const SkillSet skills =
      SkillSet::create("fixture", {{"test-skill/SKILL.md", kSkill}, {"test-skill/more/notes.md", "notes\n"}}).value();
  const SkilledResources skilled(skills, resources());
  Offers offers{&skilled, prompts(), tools(changes, board), &board, &changes, true, &skills};
  McpEndpoint endpoint({}, gate, catalog, *database, clock, random, *http, timers, std::move(offers));
  http->start([&](std::shared_ptr<http::Exchange> exchange) { endpoint.handle(std::move(exchange)); });
  std::printf("fixture ready on http://127.0.0.1:%u key %s\n", unsigned{http->port()}, key.c_str());
  std::fflush(stdout);
  server::wait_for_stop_signal();
  endpoint.end_streams();
  http->stop();
  timers.stop();
  return 0;
}

}  // namespace
}  // namespace weir::mcp::fixtures

int main() { return weir::mcp::fixtures::serve(); }
