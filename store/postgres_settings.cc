#include "store/postgres_settings.h"

#include <libpq-fe.h>

#include <array>
#include <map>
#include <memory>
#include <utility>

namespace weir::store {
namespace {

Error wrong(std::string_view what) {
  return Error(ErrorCode::bad_request, "store.url: " + std::string(what) +
                                           "; expected postgresql://user:password@host:port/database or "
                                           "postgresql://user@/database?host=/folder/of/the/socket");
}

// A server that is away must be noticed, however the network drops its packets; an operator's own values win.
constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kDefaults = {{
    {"connect_timeout", "3"},      // seconds
    {"keepalives_idle", "10"},     // seconds
    {"keepalives_interval", "5"},  // seconds
    {"keepalives_count", "3"},
    {"tcp_user_timeout", "15000"},  // milliseconds
    {"application_name", "weir"},
    {"client_encoding", "UTF8"},
}};

std::string in_quotes(std::string_view value) {
  std::string text = "'";
  for (const char c : value) {
    if (c == '\'' || c == '\\') text += '\\';
    text += c;
  }
  return text + "'";
}

}  // namespace

Result<PostgresSettings> PostgresSettings::parse(std::string_view url) {
  if (!url.starts_with("postgresql://") && !url.starts_with("postgres://")) return wrong("the scheme is not known");
  if (url.find('\0') != std::string_view::npos) return wrong("a NUL byte is in it");
  char* complaint = nullptr;
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> options(
      PQconninfoParse(std::string(url).c_str(), &complaint), PQconninfoFree);
  // The complaint quotes the URL.
  if (complaint != nullptr) PQfreemem(complaint);
  if (options == nullptr) {
    return wrong(
        "it cannot be read (is a '%', '@', '/' or ':' of the password percent-encoded? is every ?option one of "
        "libpq's?)");
  }

  std::map<std::string, std::string, std::less<>> values;
  for (const PQconninfoOption* option = options.get(); option->keyword != nullptr; ++option) {
    if (option->val != nullptr && *option->val != '\0') values[option->keyword] = option->val;
  }
  if (!values.contains("dbname")) return wrong("the database's name is missing");
  for (const auto& [name, value] : kDefaults) values.emplace(name, value);

  PostgresSettings settings;
  for (const auto& [name, value] : values) {
    settings.connection_string_ += (settings.connection_string_.empty() ? "" : " ") + name + "=" + in_quotes(value);
  }
  settings.shown_ =
      "postgresql://" + values["host"] + (values.contains("port") ? ":" + values["port"] : "") + "/" + values["dbname"];
  return settings;
}

}  // namespace weir::store
