# ./dev bench streams: what an idle stream costs and how fast events reach many readers, for Weir and for nchan, one after
# the other in each round. Weir's figures include the durable event log. Run by scripts/bench.sh; WEIR_BINARY is set.
set -euo pipefail
source scripts/environment.sh
source scripts/servers.sh

events=${BENCH_EVENTS:-2000}
rounds=${BENCH_ROUNDS:-3}
idle_counts=(${BENCH_IDLE:-1000 10000})
reader_counts=(${BENCH_READERS:-1 100 1000})

ulimit -n "$(ulimit -Hn)"
ninja -C build/release -j "$(jobs_max)" bench_streams >&2
program=$(find build/release -type f -name bench_streams -perm -u+x | head -n 1)

"$WEIR_BINARY" serve --listen 127.0.0.1:0 --data "$dir/weir" --set log.level=warning \
  --set server.connections_per_address_max=20000 >"$dir/weir.out" 2>&1 &
weir_pid=$!
pids+=("$weir_pid")
wait_for_url "$dir/weir.out" >/dev/null
weir_port=$(grep -o 'ready on http://[^ ]*' "$dir/weir.out" | head -n 1 | grep -o '[0-9]*$')
key=$(<"$dir/weir/admin.key")

mkdir "$dir/fan"
"$program" serve "$dir/fan" 0 >"$dir/fan.out" 2>&1 &
pids+=("$!")
wait_for "$dir/fan.out" grep -q "^[0-9]" "$dir/fan.out"
fan_port=$(<"$dir/fan.out")

nchan_port=$(free_ports 1)
module=$(find /usr/lib/nginx/modules /usr/share/nginx/modules -name 'ngx_nchan_module.so' 2>/dev/null | head -n 1)
[[ -n $module ]] || fail "nginx's nchan module is not installed: apt-get install libnginx-mod-nchan"
cat >"$dir/nginx.conf" <<NGINX
load_module $module;
daemon off; worker_processes auto; pid $dir/nginx.pid; error_log $dir/nginx.log; worker_rlimit_nofile 65536;
events { worker_connections 30000; }
http {
  access_log off; keepalive_requests 1000000000; keepalive_timeout 600s;
  client_body_temp_path $dir/body; proxy_temp_path $dir/p; fastcgi_temp_path $dir/f; uwsgi_temp_path $dir/u; scgi_temp_path $dir/s;
  nchan_shared_memory_size 256M;
  server {
    listen 127.0.0.1:$nchan_port backlog=4096;
    location = /pub { nchan_publisher; nchan_channel_id bench; nchan_message_buffer_length 1000; nchan_message_timeout 60s; }
    location = /sub { nchan_subscriber eventsource; nchan_channel_id bench; nchan_subscriber_first_message newest; }
  }
}
NGINX
PATH=$PATH:/usr/sbin nginx -p "$dir" -c "$dir/nginx.conf" >"$dir/nginx.out" 2>&1 &
nchan_pid=$!
pids+=("$nchan_pid")
wait_for "$dir/nginx.out" curl -s -o /dev/null "http://127.0.0.1:$nchan_port/"
nchan_pids() { echo "$nchan_pid"; pgrep -P "$nchan_pid"; }

say "measuring: $rounds rounds; idle ${idle_counts[*]}; readers ${reader_counts[*]} with $events events"
for ((round = 0; round < rounds; ++round)); do
  for count in "${idle_counts[@]}"; do
    echo "idle weir $count $("$program" idle "$weir_port" /v1/events "$key" "$count" "$weir_pid" || echo failed)"
    # shellcheck disable=SC2046 # one word a process
    echo "idle nchan $count $("$program" idle "$nchan_port" /sub "" "$count" $(nchan_pids) || echo failed)"
  done
  for count in "${reader_counts[@]}"; do
    echo "fan weir $count $("$program" fan "$fan_port" /v1/events /publish "$count" "$events" || echo failed)"
    echo "fan nchan $count $("$program" fan "$nchan_port" /sub /pub "$count" "$events" || echo failed)"
  done
done >"$dir/results"

python3 - "$dir/results" "$rounds" "$events" <<'PYTHON'
import collections, os, platform, statistics, sys
idle, fan = (collections.defaultdict(list) for _ in range(2))
for line in open(sys.argv[1]):
    kind, name, count, *values = line.split()
    if values[0] == "failed":
        print(f"failed: {line.strip()}")
    elif kind == "idle":
        idle[(int(count), name)].append(float(values[0]))
    else:
        fan[(int(count), name)].append(tuple(map(float, values)))
model = next((l.split(":")[1].strip() for l in open("/proc/cpuinfo") if l.startswith("model name")), platform.machine())
print(f"machine: {model}, {os.cpu_count()} cores, Linux {platform.release()}; medians of {sys.argv[2]} rounds; "
      f"{sys.argv[3]} events; one client thread\n")
median = lambda rows: statistics.median(rows) if rows else float("nan")
print("| idle streams | weir bytes each | nchan bytes each | weir/nchan |\n|---|---|---|---|")
for count in sorted({c for c, _ in idle}):
    # The largest: a later round is given the memory that the one before let go.
    weir, nchan = (max(idle[(count, n)], default=float("nan")) for n in ("weir", "nchan"))
    print(f"| {count:,} | {weir:,.0f} | {nchan:,.0f} | {weir / max(nchan, 1):.2f} |")
print("\n| readers | weir deliveries/s | nchan deliveries/s | weir/nchan | weir median, p99 ms | nchan median, p99 ms |\n|---|---|---|---|---|---|")
for count in sorted({c for c, _ in fan}):
    weir, nchan = ([median([row[i] for row in fan[(count, n)]]) for i in range(3)] for n in ("weir", "nchan"))
    print(f"| {count:,} | {weir[0]:,.0f} | {nchan[0]:,.0f} | {weir[0] / max(nchan[0], 1):.2f} | "
          f"{weir[1]:.2f}, {weir[2]:.2f} | {nchan[1]:.2f}, {nchan[2]:.2f} |")
PYTHON
