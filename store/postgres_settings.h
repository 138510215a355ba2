// Where PostgreSQL is and who asks it: `store.url`. Any URL that libpq reads (postgresql.org/docs/15/libpq-connect.html,
// section 34.1.1.2), so TLS and several hosts are said as everywhere else.
#pragma once
#include <string>
#include <string_view>

#include "base/result.h"

namespace weir::store {

// Not thread-safe: a value.
class PostgresSettings {
 public:
  // "postgresql://user:password@host:port/database" or "postgresql://user@/database?host=/folder/of/the/socket". Returns
  // bad_request, without the URL in its text (it may hold a password), if it is not one.
  static Result<PostgresSettings> parse(std::string_view url);

  // For libpq: keywords and values, the password among them. Never shown, never logged.
  [[nodiscard]] const std::string& connection_string() const { return connection_string_; }
  // The same place without user and password, for messages: "postgresql://db.internal:5432/weir".
  [[nodiscard]] const std::string& shown() const { return shown_; }

 private:
  PostgresSettings() = default;

  std::string connection_string_;
  std::string shown_;
};

}  // namespace weir::store
