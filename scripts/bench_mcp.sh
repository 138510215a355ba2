# ./dev bench mcp: tools/call get_quota in both eras of MCP at 32 connections, against the TypeScript SDK's server with a
# tool that gives the same answer, in one run. Run by scripts/bench.sh; WEIR_BINARY is set. Both check a key; only Weir
# limits, counts and reads its database. Each round measures all four one after the other; the table shows medians.
set -euo pipefail
source scripts/environment.sh
source scripts/servers.sh

seconds=${BENCH_SECONDS:-5}
rounds=${BENCH_ROUNDS:-3}
connections=32

node=$(scripts/node.sh)
sdk=build/bench-mcp-sdk
mkdir -p "$sdk"
cp tests/bench/mcp_sdk/{package.json,package-lock.json,server.mjs} "$sdk/"
if ! cmp -s "$sdk/package-lock.json" "$sdk/node_modules/.installed"; then
  say "installing the TypeScript SDK under $sdk"
  (cd "$sdk" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2) || fail "npm could not install the SDK"
  cp "$sdk/package-lock.json" "$sdk/node_modules/.installed"
fi

"$WEIR_BINARY" serve --listen 127.0.0.1:0 --data "$dir/weir" --set log.level=warning >"$dir/weir.out" 2>&1 &
weir_pid=$!
pids+=("$weir_pid")
weir_url=$(wait_for_url "$dir/weir.out")
key=$(<"$dir/weir/admin.key")

meta='"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}'
modern_call='{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_quota","arguments":{},'$meta'}}'
session_call='{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_quota","arguments":{}}}'
open_call='{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"bench","version":"1"}}}'

# ask URL BODY [CURL OPTIONS...]
ask() {
  curl -sS "$1/mcp" -H "Authorization: Bearer $key" -H 'Content-Type: application/json' \
    -H 'Accept: application/json, text/event-stream' --data "$2" "${@:3}"
}
as_modern=(-H 'MCP-Protocol-Version: 2026-07-28' -H 'Mcp-Method: tools/call' -H 'Mcp-Name: get_quota')
# The equal tool: Weir's own answer and the schema that it keeps.
ask "$weir_url" "$modern_call" "${as_modern[@]}" >"$dir/call.json"
ask "$weir_url" '{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{'"$meta"'}}' -H 'MCP-Protocol-Version: 2026-07-28' \
  -H 'Mcp-Method: tools/list' >"$dir/list.json"
python3 - "$dir" <<'PYTHON'
import json, pathlib, sys
folder = pathlib.Path(sys.argv[1])
result = json.loads((folder / "call.json").read_text())["result"]
tools = json.loads((folder / "list.json").read_text())["result"]["tools"]
schema = next(tool["outputSchema"] for tool in tools if tool["name"] == "get_quota")
(folder / "answer.json").write_text(json.dumps({**{k: result[k] for k in ("structuredContent", "content")}, "outputSchema": schema}))
PYTHON

NODE_ENV=production "$node" "$sdk/server.mjs" "$dir/answer.json" "$key" >"$dir/sdk.out" 2>&1 &
sdk_pid=$!
pids+=("$sdk_pid")
sdk_url=$(wait_for_url "$dir/sdk.out")

# open_session URL: the id of a session that is ready for calls.
open_session() {
  local id
  id=$(ask "$1" "$open_call" -D - -o /dev/null | sed -n 's/^mcp-session-id: *//Ip' | tr -d '\r')
  [[ -n $id ]] || fail "$1 opens no session"
  ask "$1" '{"jsonrpc":"2.0","method":"notifications/initialized"}' -H "Mcp-Session-Id: $id" \
    -H 'MCP-Protocol-Version: 2025-11-25' -o /dev/null
  printf '%s\n' "$id"
}

# script FILE BODY HEADER...: what wrk sends.
script() {
  {
    printf 'wrk.method = "POST"\nwrk.body = [[%s]]\n' "$2"
    local header
    for header in 'Content-Type: application/json' 'Accept: application/json, text/event-stream' \
      "Authorization: Bearer $key" "${@:3}"; do
      printf 'wrk.headers["%s"] = "%s"\n' "${header%%: *}" "${header#*: }"
    done
    cat <<'LUA'
done = function(summary, latency, requests)
  io.write(string.format("RESULT %d %d %d %d\n", summary.requests, summary.duration, latency:percentile(99),
    summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout))
end
LUA
  } >"$1"
}
modern_headers=('MCP-Protocol-Version: 2026-07-28' 'Mcp-Method: tools/call' 'Mcp-Name: get_quota')
script "$dir/modern.lua" "$modern_call" "${modern_headers[@]}"
script "$dir/weir-session.lua" "$session_call" 'MCP-Protocol-Version: 2025-11-25' "Mcp-Session-Id: $(open_session "$weir_url")"
script "$dir/sdk-session.lua" "$session_call" 'MCP-Protocol-Version: 2025-11-25' "Mcp-Session-Id: $(open_session "$sdk_url")"

rss_kib() { awk '/^VmRSS:/ { print $2 }' "/proc/$1/status"; }
measure() {  # SERVER ERA URL SCRIPT
  printf '%s %s ' "$1" "$2"
  wrk -t1 -c"$connections" -d"${seconds}s" --timeout 10s -s "$4" "$3/mcp" | grep '^RESULT' || echo "RESULT 0 1 0 1"
}
all() {
  measure weir 2026-07-28 "$weir_url" "$dir/modern.lua"
  measure sdk 2026-07-28 "$sdk_url" "$dir/modern.lua"
  measure weir 2025-11-25 "$weir_url" "$dir/weir-session.lua"
  measure sdk 2025-11-25 "$sdk_url" "$dir/sdk-session.lua"
}
say "measuring: $rounds rounds of $seconds s at $connections connections, one load thread"
measure weir warm-up "$weir_url" "$dir/modern.lua" >/dev/null
measure sdk warm-up "$sdk_url" "$dir/modern.lua" >/dev/null
for ((round = 0; round < rounds; ++round)); do all; done >"$dir/results"

python3 - "$dir/results" "$(rss_kib "$weir_pid")" "$(rss_kib "$sdk_pid")" "$rounds" "$seconds" "$connections" <<'PYTHON'
import statistics, sys
path, weir_kib, sdk_kib, rounds, seconds, connections = sys.argv[1:]
rates, tails, errors = {}, {}, {}
for line in open(path):
    server, era, _, requests, micros, p99, bad = line.split()
    rates.setdefault((server, era), []).append(int(requests) * 1e6 / int(micros))
    tails.setdefault((server, era), []).append(int(p99) / 1000)
    errors[server, era] = errors.get((server, era), 0) + int(bad)
median = {what: statistics.median(values) for what, values in rates.items()}
print(f"`tools/call get_quota`, {connections} connections, median of {rounds} rounds of {seconds} s\n")
print("| revision | Weir, requests/s | TypeScript SDK 2.4, requests/s | ratio | p99 Weir / SDK, ms | errors |\n|---|---|---|---|---|---|")
for era in ("2026-07-28", "2025-11-25"):
    weir, sdk = median["weir", era], median["sdk", era]
    tail = " / ".join(f"{statistics.median(tails[s, era]):.1f}" for s in ("weir", "sdk"))
    print(f"| {era} | {weir:,.0f} | {sdk:,.0f} | {weir / max(sdk, 1):.1f} | {tail} | {errors['weir', era]} / {errors['sdk', era]} |")
print(f"\n| | Weir | TypeScript SDK 2.4 | ratio |\n|---|---|---|---|\n| resident memory after the run, MiB | {int(weir_kib) / 1024:.1f} | "
      f"{int(sdk_kib) / 1024:.1f} | 1 / {int(sdk_kib) / int(weir_kib):.1f} |")
PYTHON
