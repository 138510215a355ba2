# ./dev test: everything that must pass. Sourced by ./dev.
# shellcheck shell=bash

test_command() {
  ensure_packages build test
  build_preset dev
  run_tests dev "$@"
}

# run_tests PRESET [CTEST OPTION...]: the exit code is ctest's; the last line is "N passed, N failed[, N skipped]".
run_tests() {
  local preset=$1 results="$PWD/build/$1/test-results" code=0 started=$SECONDS
  shift
  rm -rf "$results"
  mkdir -p "$results"
  # gtest binaries leave one file each here; sum_tests.py counts the cases in them.
  GTEST_OUTPUT="xml:$results/" ctest --test-dir "build/$preset" -j 2 --output-on-failure --schedule-random \
    --no-tests=error --test-output-size-passed 65536 --test-output-size-failed 1048576 \
    --output-junit "$results/ctest.junit" "$@" || code=$?
  printf 'Tests took %d s.\n' "$((SECONDS - started))"
  python3 scripts/sum_tests.py "$results"
  return "$code"
}
