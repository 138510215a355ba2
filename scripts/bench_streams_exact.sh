# ./dev bench streams_exact: every reader sees every event once, in the full size: 200 clients, 20 000 events, each client
# cut off 50 times; the same with the server killed five times; and one reader among 1 000 that does not read. Run by
# scripts/bench.sh.
set -euo pipefail
source scripts/environment.sh

ninja -C build/release -j "$(jobs_max)" streams_exact >&2
program=$(find build/release -type f -name streams_exact -perm -u+x | head -n 1)
ulimit -n "$(ulimit -Hn)"
"$program" exact 200 20000 50 0
"$program" exact 200 20000 50 5
"$program" slow 1000 600
