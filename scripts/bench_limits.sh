# ./dev bench limits: what a decision costs, in memory and in Redis, and end to end: tools/call with Redis as a ratio to the
# same in this process. Run by scripts/bench.sh; WEIR_BINARY is set. Redis is a server of the benchmark's own on a unix
# socket. The two Weirs are measured in turn, because the machine is shared; the table shows medians.
set -euo pipefail
source scripts/environment.sh
source scripts/servers.sh

seconds=${BENCH_SECONDS:-5}
rounds=${BENCH_ROUNDS:-5}
connections=${BENCH_CONNECTIONS:-64}
least=${BENCH_MIN_TIME:-0.5}

ninja -C build/release -j "$(jobs_max)" bench_limits bench_limits_redis >&2
program() { find build/release -type f -name "$1" -perm -u+x | head -n 1; }

say "decisions in memory"
"$(program bench_limits)" --benchmark_min_time="$least" --benchmark_format=json >"$dir/memory.json" 2>"$dir/memory.err"
say "decisions in Redis, beside a sorted-set log"
"$(program bench_limits_redis)" --benchmark_min_time="$least" --benchmark_out="$dir/decisions.json" \
  --benchmark_out_format=json >"$dir/decisions.out" 2>"$dir/decisions.err"

redis_answers() { [[ $(redis-cli -s "$dir/redis.sock" ping 2>/dev/null) == PONG ]]; }
redis-server --port 0 --unixsocket "$dir/redis.sock" --save '' --appendonly no --dir "$dir" >"$dir/redis.log" 2>&1 &
pids+=($!)
wait_for "$dir/redis.log" redis_answers

start() {  # NAME SETTINGS...
  local name=$1
  shift
  "$WEIR_BINARY" serve --listen 127.0.0.1:0 --data "$dir/$name" --set log.level=warning --set costs.get_quota=1 "$@" \
    >"$dir/$name.out" 2>&1 &
  pids+=($!)
  wait_for "$dir/$name.out" grep -q 'weir ready on' "$dir/$name.out"
}
start memory
start redis --set "redis.url=unix://$dir/redis.sock"
url_of() { sed -n 's/^weir ready on //p' "$dir/$1.out"; }

body='{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_quota","arguments":{},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}'
for name in memory redis; do
  # A key that is never full, so that every call is a decision that admits.
  "$WEIR_BINARY" keys create --data "$dir/$name" --account bench --tier pro --limit 1000000 --json >"$dir/$name.key.json"
  key=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["key"])' "$dir/$name.key.json")
  cat >"$dir/$name.lua" <<LUA
wrk.method = "POST"
wrk.body = '$body'
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Accept"] = "application/json, text/event-stream"
wrk.headers["MCP-Protocol-Version"] = "2026-07-28"
wrk.headers["Mcp-Method"] = "tools/call"
wrk.headers["Mcp-Name"] = "get_quota"
wrk.headers["Authorization"] = "Bearer $key"
done = function(summary, latency, requests)
  io.write(string.format("RESULT %d %d %d %d\n", summary.requests, summary.duration, latency:percentile(99),
    summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout))
end
LUA
done
measure() {  # NAME
  printf '%s ' "$1"
  wrk -t1 -c"$connections" -d"${seconds}s" --timeout 10s -s "$dir/$1.lua" "$(url_of "$1")/mcp" | grep '^RESULT' ||
    echo "RESULT 0 1 0 1"
}
say "end to end: $rounds rounds of $seconds s at $connections connections, one load thread"
measure memory >/dev/null
for ((round = 0; round < rounds; ++round)); do
  measure memory
  measure redis
done >"$dir/results"
# A Redis that was away meanwhile would have made this a measurement of the memory.
curl -sS "$(url_of redis)/metrics" -H "Authorization: Bearer $(<"$dir/redis/admin.key")" >"$dir/metrics.txt"

python3 - "$dir" "$rounds" "$seconds" "$connections" <<'PYTHON'
import collections, json, os, pathlib, platform, re, statistics, sys
folder = pathlib.Path(sys.argv[1])
model = next((l.split(":")[1].strip() for l in open("/proc/cpuinfo") if l.startswith("model name")), platform.machine())
print(f"machine: {model}, {os.cpu_count()} cores, Linux {platform.release()}\n")

memory = {each["name"]: each for each in json.loads((folder / "memory.json").read_text())["benchmarks"]}
print("| in memory | ns per decision |\n|---|---|")
for name, what in (("read_the_clock", "reading the clock (part of each below)"), ("hot_key_admitted", "hot key, admitted"),
                   ("hot_key_admitted_and_counted", "hot key, admitted and counted for /metrics"),
                   ("hot_key_refused", "hot key, refused"), ("over_many_keys", "over 100 000 keys")):
    print(f"| {what} | {memory[name]['real_time']:.0f} |")
print("\n| units in the window | bytes of a key |\n|---|---|")
for name, each in memory.items():
    if name.startswith("bytes_of_a_key/"):
        print(f"| {name.split('/')[1]} | {each['bytes']:.0f} |")

print("\n| in Redis, through one connection | decisions per second |\n|---|---|")
for each in json.loads((folder / "decisions.json").read_text())["benchmarks"]:
    if each["name"].startswith("decisions/"):
        threads = each["name"].rsplit("threads:", 1)[1]
        print(f"| {threads} callers at once | {each['items_per_second']:,.0f} |")
text = (folder / "decisions.out").read_text()
print("\n```\n" + text[text.index("limit 1 000 in a minute"):].rstrip() + "\n```")

rates, tails, errors = (collections.defaultdict(list) for _ in range(3))
for line in (folder / "results").read_text().splitlines():
    name, _, requests, micros, p99, broken = line.split()
    rates[name].append(int(requests) / (int(micros) / 1e6))
    tails[name].append(int(p99) / 1000)
    errors[name].append(int(broken))
ratio = statistics.median(r / max(m, 1) for r, m in zip(rates["redis"], rates["memory"]))
print(f"\ntools/call end to end at {sys.argv[4]} connections, {sys.argv[2]} rounds of {sys.argv[3]} s\n")
print("| limiter | calls/s | p99 ms | errors |\n|---|---|---|---|")
for name in ("memory", "redis"):
    print(f"| {name} | {statistics.median(rates[name]):,.0f} | {statistics.median(tails[name]):.2f} | {sum(errors[name])} |")
losses = re.search(r"^weir_limiter_losses_total (\S+)", (folder / "metrics.txt").read_text(), re.M).group(1)
print(f"\nredis/memory {ratio:.2f}; Redis was lost {losses} times meanwhile")
PYTHON
