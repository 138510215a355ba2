# ./dev bench runs [RUNS [STEPS]]: 200 runs at once on 8 runners under one pro key: within the key's limit, none lost, and the
# engine's own time per step. Waits for the limiter, so it takes minutes. Run by scripts/bench.sh; WEIR_BINARY is set.
set -euo pipefail
exec python3 -B tests/bench/run_overhead.py "$@"
