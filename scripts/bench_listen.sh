# ./dev bench listen: a finding's change on its way to a thousand streams of each era. Run by scripts/bench.sh; WEIR_BINARY
# is set.
set -euo pipefail
ulimit -n "$(ulimit -Hn)"
exec python3 -B tests/bench/listen_streams.py
