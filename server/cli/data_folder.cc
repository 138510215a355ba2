#include "server/cli/data_folder.h"

#include <filesystem>

namespace weir::cli {
namespace {

constexpr std::string_view kDatabaseFile = "weir.db";

}  // namespace

std::unique_ptr<store::Database> open_data_folder(const std::string& data_dir,
                                                  const std::optional<store::PostgresSettings>& url,
                                                  Terminal& terminal) {
  const std::filesystem::path path = std::filesystem::path(data_dir) / kDatabaseFile;
  std::error_code ignored;
  if (!url && !std::filesystem::exists(path, ignored)) {
    terminal.error("There is no Weir data folder at " + data_dir +
                   ". Start the server once (weir serve --data DIR), or name its folder with --data.");
    return nullptr;
  }
  store::DatabaseSettings settings;
  settings.path = path.string();
  settings.postgres = url;
  auto database = store::Database::open(settings);
  if (database) return *std::move(database);
  terminal.error(database.error().message);
  return nullptr;
}

int show_failure(Terminal& terminal, const Error& error) {
  terminal.error(error.message);
  for (const FieldError& field : error.fields) terminal.note("  " + field.field + " " + field.message);
  return kExitFailed;
}

void print_table(Terminal& terminal, const TableHead& head, const std::vector<std::vector<std::string>>& rows) {
  const auto print = [&](const std::vector<std::string>& cells) {
    std::string line;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      line += cells[i];
      if (i + 1 < cells.size())
        line.append(cells[i].size() < head.widths[i] ? head.widths[i] - cells[i].size() : 1, ' ');
    }
    terminal.line(line);
  };
  print(head.names);
  for (const std::vector<std::string>& row : rows) print(row);
}

}  // namespace weir::cli
