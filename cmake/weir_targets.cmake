# weir_library(NAME SOURCES a.cc ... LINKS weir_base ...): one folder, one static library.
# weir_test(NAME SOURCES ... LINKS ... [BOTH_STORES]): one test binary, registered with CTest. BOTH_STORES: its tests open
# their databases on_backend() (tests/support/postgres_process.h) and run a second time on PostgreSQL, as NAME_postgres.
# The heavy headers (the standard library, JSON) are precompiled once and shared.

add_library(weir_flags INTERFACE)
target_compile_options(weir_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor -Woverloaded-virtual -Werror
  -fstack-protector-strong -ffile-prefix-map=${CMAKE_SOURCE_DIR}/=)
target_include_directories(weir_flags INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_definitions(weir_flags INTERFACE WEIR_VERSION="${PROJECT_VERSION}")
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 reports false positives of these inside libstdc++ when optimising.
  target_compile_options(weir_flags INTERFACE -Wno-restrict -Wno-maybe-uninitialized -Wno-array-bounds
                         -Wno-stringop-overflow -Wno-stringop-overread)
  target_link_options(weir_flags INTERFACE -fuse-ld=gold)
endif()
if(WEIR_SANITIZE)
  target_compile_options(weir_flags INTERFACE -fsanitize=${WEIR_SANITIZE} -fno-omit-frame-pointer
                         -fno-sanitize-recover=all)
  target_link_options(weir_flags INTERFACE -fsanitize=${WEIR_SANITIZE})
endif()

# weir_base compiles base/pch.h; every other target of the tree uses that result.
function(weir_precompiled_headers name)
  if(name STREQUAL "weir_base")
    target_precompile_headers(weir_base PRIVATE ${CMAKE_SOURCE_DIR}/base/pch.h)
  else()
    target_precompile_headers(${name} REUSE_FROM weir_base)
  endif()
endfunction()

function(weir_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINKS" ${ARGN})
  add_library(weir_${name} STATIC ${ARG_SOURCES})
  target_link_libraries(weir_${name} PUBLIC weir_flags Threads::Threads nlohmann_json::nlohmann_json ${ARG_LINKS})
  weir_precompiled_headers(weir_${name})
endfunction()

function(weir_executable name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINKS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE weir_flags ${ARG_LINKS})
  weir_precompiled_headers(${name})
endfunction()

function(weir_test name)
  cmake_parse_arguments(ARG "BOTH_STORES" "" "SOURCES;LINKS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE weir_flags weir_test_support ${ARG_LINKS} GTest::gmock GTest::gtest_main)
  target_precompile_headers(${name} REUSE_FROM weir_test_support)
  target_compile_options(${name} PRIVATE -Wno-conversion)
  add_test(NAME ${name} COMMAND ${name} --gtest_shuffle --gtest_brief=1)
  set(environment "WEIR_SOURCE_DIR=${CMAKE_SOURCE_DIR};WEIR_BINARY=$<$<TARGET_EXISTS:weir>:$<TARGET_FILE:weir>>")
  set_tests_properties(${name} PROPERTIES TIMEOUT 300 ENVIRONMENT "${environment}")
  if(ARG_BOTH_STORES)
    target_link_libraries(${name} PRIVATE weir_postgres_process)
    add_test(NAME ${name}_postgres COMMAND ${name} --gtest_shuffle --gtest_brief=1)
    set_tests_properties(${name}_postgres PROPERTIES TIMEOUT 300 ENVIRONMENT "${environment};WEIR_TEST_STORE=postgres")
  endif()
endfunction()
