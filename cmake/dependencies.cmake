# Every third-party library comes from the distribution; nothing is downloaded here.
find_package(Threads REQUIRED)
find_package(OpenSSL 3 REQUIRED)
find_package(CURL REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(nlohmann_json 3.11 REQUIRED)
find_package(spdlog REQUIRED)
pkg_check_modules(CPP_HTTPLIB REQUIRED IMPORTED_TARGET cpp-httplib)

find_path(SOCI_INCLUDE_DIR soci/soci.h REQUIRED)
find_path(SQLITE3_INCLUDE_DIR sqlite3.h REQUIRED)
find_library(SOCI_CORE soci_core REQUIRED)
find_library(SOCI_SQLITE3 soci_sqlite3 REQUIRED)
find_library(SQLITE3 sqlite3 REQUIRED)
find_path(LIBPQ_INCLUDE_DIR libpq-fe.h PATH_SUFFIXES postgresql REQUIRED)
find_library(SOCI_POSTGRESQL soci_postgresql REQUIRED)
find_library(LIBPQ pq REQUIRED)
add_library(weir_soci INTERFACE)
target_include_directories(weir_soci SYSTEM INTERFACE ${SOCI_INCLUDE_DIR} ${SQLITE3_INCLUDE_DIR} ${LIBPQ_INCLUDE_DIR})
target_link_libraries(weir_soci INTERFACE ${SOCI_CORE} ${SOCI_SQLITE3} ${SOCI_POSTGRESQL} ${SQLITE3} ${LIBPQ})

# Not by its .pc file: the -D in it would part its users from the precompiled header.
find_path(HIREDIS_INCLUDE_DIR hiredis/hiredis.h REQUIRED)
find_library(HIREDIS hiredis REQUIRED)
add_library(weir_hiredis INTERFACE)
target_include_directories(weir_hiredis SYSTEM INTERFACE ${HIREDIS_INCLUDE_DIR})
target_link_libraries(weir_hiredis INTERFACE ${HIREDIS})

find_path(CJOSE_INCLUDE_DIR cjose/cjose.h REQUIRED)
find_library(CJOSE cjose REQUIRED)
add_library(weir_cjose INTERFACE)
target_include_directories(weir_cjose SYSTEM INTERFACE ${CJOSE_INCLUDE_DIR})
target_link_libraries(weir_cjose INTERFACE ${CJOSE})

find_path(VALIJSON_INCLUDE_DIR valijson/validator.hpp REQUIRED)
add_library(weir_valijson INTERFACE)
target_include_directories(weir_valijson SYSTEM INTERFACE ${VALIJSON_INCLUDE_DIR})

find_path(TOMLPLUSPLUS_INCLUDE_DIR toml++/toml.h REQUIRED)
find_path(CLI11_INCLUDE_DIR CLI/CLI.hpp REQUIRED)
add_library(weir_config_libraries INTERFACE)
target_include_directories(weir_config_libraries SYSTEM INTERFACE ${TOMLPLUSPLUS_INCLUDE_DIR} ${CLI11_INCLUDE_DIR})

# Of the server. Sanitizers bring their own.
add_library(weir_allocator INTERFACE)
if(NOT WEIR_SANITIZE)
  find_library(JEMALLOC jemalloc REQUIRED)
  target_link_libraries(weir_allocator INTERFACE ${JEMALLOC})
endif()
