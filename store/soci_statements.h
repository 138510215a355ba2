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
// Of a statement: a row to read into costs as much as the statement, so one is only made for who wants rows. A statement
// that answers rows must be asked for them: it would stay open.
enum class Wanted : std::uint8_t { rows, changes };

// Not thread-safe: a value.
struct Answer {
  std::vector<Row> rows;
  std::int64_t changed = 0;
};

// The prepared statements of one connection, which must outlive them. What is bound to a statement stays bound to it:
// binding anew costs more than most statements. Not thread-safe: owned by its session.
class SociStatements {
 public:
  explicit SociStatements(soci::session& sql);
  SociStatements(const SociStatements&) = delete;
  SociStatements& operator=(const SociStatements&) = delete;
  ~SociStatements();

  // Throws what SOCI throws. Returns internal if there are more rows than any list of Weir has.
  Result<Answer> run(std::string_view sql, std::vector<Value> values, Wanted wanted);
  // A statement that failed may still be bound to what is gone now: it is prepared anew when next needed.
  void forget(std::string_view sql);
  void clear();

 private:
  struct Prepared;
  Prepared& prepared(std::string_view sql);

  soci::session& sql_;
  std::unordered_map<std::string, std::unique_ptr<Prepared>> statements_;
};

}  // namespace weir::store
