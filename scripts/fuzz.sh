# ./dev fuzz NAME [SECONDS]: one fuzzer of tests/fuzz for some time, from its corpus in the repository. What it finds stays
# in build/fuzz. Sourced by ./dev and by check.sh.
# shellcheck shell=bash

fuzz_names() { sed -n 's/^weir_fuzzer(\([a-z_0-9]*\).*/\1/p' tests/fuzz/CMakeLists.txt | sort; }

fuzz_command() {
  local name=${1:-} seconds=${2:-60}
  if [[ -z $name ]]; then
    echo "fuzzers (./dev fuzz NAME [SECONDS]):"
    fuzz_names | sed 's/^/  /'
    return 0
  fi
  fuzz_names | grep -qx -- "$name" || fail "no fuzzer '$name'; ./dev fuzz lists them" 2
  [[ $seconds =~ ^[1-9][0-9]*$ ]] || fail "a number of seconds is expected, not '$seconds'" 2
  ensure_packages build test fuzz
  ensure_clang_runtime
  local launcher=()
  command -v ccache >/dev/null 2>&1 && launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
  say "building build/fuzz fuzz_$name"
  cmake --preset dev -B build/fuzz "${launcher[@]}" -DCMAKE_CXX_COMPILER=clang++ -DCMAKE_CXX_FLAGS_DEBUG="-O1 -g1" \
    -DWEIR_FUZZ=ON --log-level=WARNING >&2 && ninja -C build/fuzz -j "$(jobs_max)" "fuzz_$name" >&2 || return 1
  # New inputs stay apart: what is worth keeping is copied into tests/fuzz/corpus by hand, under a name that says why.
  local found=build/fuzz/found-$name
  mkdir -p "$found"
  say "fuzzing $name for $seconds s"
  "$(find build/fuzz -type f -name "fuzz_$name" -perm -u+x | head -n 1)" -max_total_time="$seconds" -timeout=10 \
    -rss_limit_mb=2048 -print_final_stats=1 -artifact_prefix="$found/" "$found" "tests/fuzz/corpus/$name" >&2
}

# libFuzzer lives in a package that carries clang's version in its name.
ensure_clang_runtime() {
  # shellcheck disable=SC2034  # read by ensure_packages through its name
  packages_clang_runtime=("libclang-rt-$(clang -dumpversion | cut -d. -f1)-dev")
  ensure_packages clang_runtime
}
