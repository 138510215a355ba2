#include "store/postgres_database.h"

#include <algorithm>

#include "base/log.h"
#include "store/migrations.h"
#include "store/postgres_session.h"
#include "store/session_database.h"

namespace weir::store {
namespace {

// How long a node that starts waits for another one's migrations, and its own may take.
constexpr std::chrono::milliseconds kMigrationMax{300'000};

Error cannot_open(const DatabaseSettings& settings, const Error& reason) {
  // What libpq says names host, port, user and database, and never the password.
  const std::string said =
      reason.code == ErrorCode::unavailable && !reason.cause.empty() ? reason.cause : reason.message;
  return Error(ErrorCode::unavailable, "cannot open the database " + settings.shown() + ": " + printable(said, 600))
      .because(reason.cause);
}

// A write transaction like any other, so nodes that start together do this one after the other.
Result<void> prepare(PostgresSession& session) {
  if (auto allowed = session.allow(kMigrationMax); !allowed) return allowed;
  return transact(session, Access::write, prepare_schema);
}

}  // namespace

Result<std::unique_ptr<Database>> open_postgres(const DatabaseSettings& settings) {
  const auto away = std::make_shared<ServerAway>();
  {
    auto migrator = PostgresSession::open(settings, away);
    if (!migrator) return cannot_open(settings, migrator.error());
    if (auto prepared = prepare(**migrator); !prepared) return cannot_open(settings, prepared.error());
  }
  auto writer = PostgresSession::open(settings, away);
  if (!writer) return cannot_open(settings, writer.error());
  std::vector<std::unique_ptr<PostgresSession>> readers;
  for (unsigned i = 0; i < std::max(settings.readers, 1U); ++i) {
    auto reader = PostgresSession::open(settings, away);
    if (!reader) return cannot_open(settings, reader.error());
    readers.push_back(std::move(*reader));
  }
  return std::unique_ptr<Database>(std::make_unique<SessionDatabase<PostgresSession>>(
      settings.busy_timeout, std::move(*writer), std::move(readers)));
}

}  // namespace weir::store
