# ./dev bench http: Weir's tools/call get_quota with an admin key against nginx returning a constant of the same size and
# against stock cpp-httplib in front of the same handler, in one run. Run by scripts/bench.sh; WEIR_BINARY is set.
# Each round measures the three one after the other; the table shows medians over the rounds, because the machine is shared.
set -euo pipefail
source scripts/environment.sh
source scripts/servers.sh

seconds=${BENCH_SECONDS:-5}
rounds=${BENCH_ROUNDS:-3}
connections=(8 64 256)

ninja -C build/release -j "$(jobs_max)" stock_http_server >&2
stock=$(find build/release -type f -name stock_http_server -perm -u+x | head -n 1)

"$WEIR_BINARY" serve --listen 127.0.0.1:0 --data "$dir/weir" --set log.level=warning >"$dir/weir.out" 2>&1 &
pids+=($!)
weir_url=$(wait_for_url "$dir/weir.out")
"$stock" "$dir/stock" >"$dir/stock.out" 2>&1 &
pids+=($!)
stock_url=$(wait_for_url "$dir/stock.out")

body='{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_quota","arguments":{},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}'
# request_script KEY FILE: what wrk sends.
request_script() {
  cat >"$2" <<LUA
wrk.method = "POST"
wrk.body = '$body'
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Accept"] = "application/json, text/event-stream"
wrk.headers["MCP-Protocol-Version"] = "2026-07-28"
wrk.headers["Mcp-Method"] = "tools/call"
wrk.headers["Mcp-Name"] = "get_quota"
wrk.headers["Authorization"] = "Bearer $1"
done = function(summary, latency, requests)
  io.write(string.format("RESULT %d %d %d %d %d\n", summary.requests, summary.duration, latency:percentile(99),
    summary.errors.status, summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout))
end
LUA
}
request_script "$(<"$dir/weir/admin.key")" "$dir/weir.lua"
request_script "$(<"$dir/stock/admin.key")" "$dir/stock.lua"

# The constant: the very bytes that Weir answers.
curl -sS "$weir_url/mcp" -H "Authorization: Bearer $(<"$dir/weir/admin.key")" -H 'Content-Type: application/json' \
  -H 'Accept: application/json, text/event-stream' -H 'MCP-Protocol-Version: 2026-07-28' -H 'Mcp-Method: tools/call' \
  -H 'Mcp-Name: get_quota' --data "$body" >"$dir/constant.json"
grep -q '"result"' "$dir/constant.json" || fail "get_quota is not answered: $(<"$dir/constant.json")"
nginx_port=$(free_ports 1)
python3 - "$dir" "$nginx_port" <<'PYTHON'
import pathlib, sys
folder, port = pathlib.Path(sys.argv[1]), sys.argv[2]
constant = (folder / "constant.json").read_text().replace("\\", "\\\\").replace("'", "\\'").replace("$", "")
(folder / "nginx.conf").write_text(f"""
daemon off; worker_processes auto; pid {folder}/nginx.pid; error_log {folder}/nginx.log;
events {{ worker_connections 4096; }}
http {{
  access_log off; keepalive_requests 1000000000; keepalive_timeout 600s; default_type application/json;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  server {{ listen 127.0.0.1:{port}; location / {{ return 200 '{constant}'; }} }}
}}""")
PYTHON
PATH=$PATH:/usr/sbin nginx -c "$dir/nginx.conf" >"$dir/nginx.out" 2>&1 &
pids+=($!)
nginx_url=http://127.0.0.1:$nginx_port
for _ in $(seq 200); do
  curl -s -o /dev/null "$nginx_url/" && break
  read -rt 0.05 <> <(:) || true
done

say "measuring: $rounds rounds of $seconds s at ${connections[*]} connections, one load thread"
measure() {  # NAME URL SCRIPT CONNECTIONS
  printf '%s %s ' "$1" "$4"
  wrk -t1 -c"$4" -d"${seconds}s" --timeout 10s -s "$3" "$2/mcp" | grep '^RESULT' || echo "RESULT 0 1 0 0 0"
}
measure warm-up "$weir_url" "$dir/weir.lua" 8 >/dev/null
for ((round = 0; round < rounds; ++round)); do
  for count in "${connections[@]}"; do
    measure weir "$weir_url" "$dir/weir.lua" "$count"
    measure nginx "$nginx_url" "$dir/weir.lua" "$count"
    measure stock "$stock_url" "$dir/stock.lua" "$count"
  done
done >"$dir/results"

# Every one of 256 connections is served: each asks once and all are answered while all are open.
python3 - "$weir_url" "$stock_url" "$dir" "$body" >"$dir/served" <<'PYTHON'
import selectors, socket, sys, time, urllib.parse, pathlib
def served(url, key, body, count=256, patience=5.0):
    host, port = urllib.parse.urlsplit(url).netloc.split(":")
    request = (f"POST /mcp HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n"
               "Accept: application/json, text/event-stream\r\nMCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/call\r\n"
               f"Mcp-Name: get_quota\r\nContent-Length: {len(body)}\r\n\r\n{body}").encode()
    wait, answered = selectors.DefaultSelector(), 0
    socks = [socket.create_connection((host, int(port))) for _ in range(count)]
    for sock in socks:
        wait.register(sock, selectors.EVENT_READ)
        sock.sendall(request)
    end = time.monotonic() + patience
    while answered < count and time.monotonic() < end:
        for key_, _ in wait.select(0.1):
            if key_.fileobj.recv(65536).startswith(b"HTTP/1.1 200"):
                answered += 1
            wait.unregister(key_.fileobj)
    for sock in socks: sock.close()
    return answered
folder = pathlib.Path(sys.argv[3])
for name, url in (("weir", sys.argv[1]), ("stock", sys.argv[2])):
    print(name, served(url, (folder / name / "admin.key").read_text().strip(), sys.argv[4]))
PYTHON

python3 - "$dir" "$rounds" "$seconds" <<'PYTHON'
import collections, os, pathlib, platform, statistics, sys
folder = pathlib.Path(sys.argv[1])
rates, tails, errors = (collections.defaultdict(list) for _ in range(3))
for line in (folder / "results").read_text().splitlines():
    name, count, _, requests, micros, p99, bad_status, broken = line.split()
    place = (name, int(count))
    rates[place].append(int(requests) / (int(micros) / 1e6))
    tails[place].append(int(p99) / 1000)
    errors[place].append(int(bad_status) + int(broken))
model = next((l.split(":")[1].strip() for l in open("/proc/cpuinfo") if l.startswith("model name")), platform.machine())
print(f"machine: {model}, {os.cpu_count()} cores, Linux {platform.release()}; {sys.argv[2]} rounds of {sys.argv[3]} s; "
      f"answer of {len((folder / 'constant.json').read_bytes())} bytes; wrk with one thread\n")
print("| connections | weir req/s | nginx req/s | stock req/s | weir/nginx | weir/stock | weir p99 ms | weir errors |")
print("|---|---|---|---|---|---|---|---|")
for count in sorted({c for _, c in rates}):
    median = {n: statistics.median(rates[(n, count)]) for n in ("weir", "nginx", "stock")}
    ratio = lambda other: statistics.median(w / max(o, 1) for w, o in zip(rates[("weir", count)], rates[(other, count)]))
    print(f"| {count} | {median['weir']:,.0f} | {median['nginx']:,.0f} | {median['stock']:,.0f} | {ratio('nginx'):.2f} | "
          f"{ratio('stock'):.2f} | {statistics.median(tails[('weir', count)]):.2f} | {sum(errors[('weir', count)])} |")
print("\nof 256 connections that are open at once and ask once, answered within 5 s: "
      + ", ".join(line.replace(" ", " ") for line in (folder / "served").read_text().splitlines()))
PYTHON
