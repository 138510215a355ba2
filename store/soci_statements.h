// What both databases share of SOCI: statements kept prepared, values bound by number, rows read back. Only for
// sqlite_session.cc and postgres_session.cc, which turn SOCI's exceptions into errors.
#pragma once
#include <soci/soci.h>

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "store/database.h"

namespace weir::store {

enum class Access : std::uint8_t { read, write };

// Not thread-safe: a value.
struct Answer {
  std::vector<Row> rows;
  std::int64_t changed = 0;
};

// The prepared statements of one connection, which must outlive them. Not thread-safe: owned by its session.
class SociStatements {
 public:
  explicit SociStatements(soci::session& sql) : sql_(sql) {}

  // Throws what SOCI throws. Returns internal if there are more rows than any list of Weir has.
  Result<Answer> run(std::string_view sql, std::vector<Value> values);
  // A statement that failed may still be bound to what is gone now: it is prepared anew when next needed.
  void forget(std::string_view sql) { statements_.erase(std::string(sql)); }
  void clear() { statements_.clear(); }

 private:
  soci::statement& prepared(std::string_view sql);

  soci::session& sql_;
  std::unordered_map<std::string, std::unique_ptr<soci::statement>> statements_;
};

}  // namespace weir::store
