# What the benchmarks that start servers share: a temporary folder, the processes that end with the script, waiting for a
# server's first words. Sourced by scripts/bench_*.sh after environment.sh.
# shellcheck shell=bash

dir=$(mktemp -d -t weir-bench.XXXXXX)
pids=()  # started here; ended, by their ids, when the script ends
stop_all() {
  local pid
  for pid in "${pids[@]}"; do kill -TERM "$pid" 2>/dev/null || true; done
  for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
  rm -rf "$dir"
}
trap stop_all EXIT

# wait_for FILE COMMAND...: until COMMAND succeeds, ten seconds at most; FILE says what went wrong.
wait_for() {
  local file=$1
  shift
  for _ in $(seq 200); do
    "$@" >/dev/null 2>&1 && return 0
    read -rt 0.05 <> <(:) || true
  done
  fail "it did not start within ten seconds: $*; it printed: $(<"$file")"
}

# wait_for_url FILE: the address in a line "... ready on URL".
wait_for_url() {
  wait_for "$1" grep -q 'ready on http://' "$1"
  grep -om1 'ready on http://[^ ]*' "$1" | sed 's/^ready on //'
}
