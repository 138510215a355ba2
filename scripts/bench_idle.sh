# ./dev bench idle: memory of idle streams and connections, and latency among them. Run by scripts/bench.sh; WEIR_BINARY
# is set.
set -euo pipefail
ulimit -n "$(ulimit -Hn)"
exec python3 -B tests/bench/idle_connections.py
