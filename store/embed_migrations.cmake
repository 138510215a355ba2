# Writes OUTPUT, a source file that holds every schema/NNN_name.sql: cmake -DSCHEMA=dir -DOUTPUT=file -P this.
file(GLOB files ${SCHEMA}/*.sql)
list(SORT files)
set(entries "")
foreach(file IN LISTS files)
  get_filename_component(stem ${file} NAME_WE)
  if(NOT stem MATCHES "^([0-9][0-9][0-9])_([a-z_]+)$")
    message(FATAL_ERROR "${file}: a migration is named NNN_name.sql")
  endif()
  set(name ${CMAKE_MATCH_2})
  math(EXPR version "1${CMAKE_MATCH_1} - 1000")
  file(READ ${file} sql)
  string(APPEND entries "    {${version}, \"${name}\", R\"schema(${sql})schema\"},\n")
endforeach()
file(WRITE ${OUTPUT}.new
  "#include <array>\n\n#include \"store/migrations.h\"\n\nnamespace weir::store {\n\n"
  "std::span<const Migration> embedded_migrations() {\n"
  "  static constexpr auto kMigrations = std::to_array<Migration>({\n${entries}  });\n"
  "  return kMigrations;\n}\n\n}  // namespace weir::store\n")
file(COPY_FILE ${OUTPUT}.new ${OUTPUT} ONLY_IF_DIFFERENT)
file(REMOVE ${OUTPUT}.new)
