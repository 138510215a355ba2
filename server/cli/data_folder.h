// What the commands that work on a data folder share: opening its database, showing tables and refusals.
#pragma once
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "server/cli/terminal.h"
#include "store/database.h"

namespace weir::cli {

// The database of `store.url` if there is one, else the folder's. Null after saying why: there is no such folder, or the
// database cannot be opened.
std::unique_ptr<store::Database> open_data_folder(const std::string& data_dir,
                                                  const std::optional<store::PostgresSettings>& url,
                                                  Terminal& terminal);

// The message and each wrong field; the exit code.
int show_failure(Terminal& terminal, const Error& error);

struct TableHead {
  std::vector<std::string> names;
  std::vector<std::size_t> widths;  // parallel to names; the last is not padded
};
void print_table(Terminal& terminal, const TableHead& head, const std::vector<std::vector<std::string>>& rows);

}  // namespace weir::cli
