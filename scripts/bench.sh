# ./dev bench [NAME]: one benchmark on the release build. NAME is scripts/bench_NAME.sh or the target bench_NAME of
# tests/bench. Sourced by ./dev.
# shellcheck shell=bash

bench_names() {
  {
    find scripts -maxdepth 1 -name 'bench_*.sh' -printf '%f\n' | sed 's/^bench_//; s/\.sh$//'
    [[ -f tests/bench/CMakeLists.txt ]] && grep -o 'bench_[a-z_0-9]*' tests/bench/CMakeLists.txt | sed 's/^bench_//'
  } | sort -u
}

bench_command() {
  local name=${1:-}
  if [[ -z $name ]]; then
    echo "benchmarks (./dev bench NAME):"
    bench_names | sed 's/^/  /'
    return 0
  fi
  shift
  bench_names | grep -qx -- "$name" || fail "no benchmark '$name'; ./dev bench lists them" 2
  ensure_packages build bench
  configure_preset release -DWEIR_BENCH=ON
  if [[ -f scripts/bench_$name.sh ]]; then
    release_weir
    WEIR_BINARY="$PWD/$weir" bash "scripts/bench_$name.sh" "$@"
  else
    ninja -C build/release -j "$(jobs_max)" "bench_$name" >&2
    "$(find build/release -type f -name "bench_$name" -perm -u+x | head -n 1)" "$@"
  fi
}
