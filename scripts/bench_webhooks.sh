# ./dev bench webhooks: signed deliveries a second, and for each core that the server uses, to a local nginx. Run by
# scripts/bench.sh; WEIR_BINARY is set.
set -euo pipefail
ulimit -n "$(ulimit -Hn)"
exec python3 -B tests/bench/webhook_deliveries.py "$@"
