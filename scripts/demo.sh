# ./dev demo: a careless site, a scan of it over MCP, its findings and grade, the same scan of a hardened site, and
# then calls until the limiter refuses. Everything lives in a temporary folder and on loopback. Sourced by ./dev.
# shellcheck shell=bash

careless_rules_min=8
calls_max=300

demo_command() {
  ensure_packages build demo
  local weir
  release_weir
  demo_dir=$(mktemp -d -t weir-demo.XXXXXX)
  trap demo_stop EXIT
  trap 'exit 130' INT TERM

  say "starting a careless and a hardened site on nginx"
  local careless_url hardened_url authority
  careless_url=$(start_site careless | sed -n 's/^HTTPS_URL=//p')
  hardened_url=$(start_site hardened | sed -n 's/^HTTPS_URL=//p')
  authority=$demo_dir/hardened/ca.crt

  say "starting Weir; it trusts the authority of the hardened site"
  source scripts/run.sh
  # shellcheck disable=SC2154  # release_weir sets it
  SSL_CERT_FILE=$authority start_server "$demo_dir/data" 127.0.0.1:0
  trap 'exit 130' INT TERM
  export WEIR_URL=$server_url
  local admin_key free_key
  admin_key=$(<"$demo_dir/data/admin.key")
  free_key=$("$weir" keys create --data "$demo_dir/data" --account demo --tier free --json | grep -o 'wk_[0-9A-Za-z]*' | head -n 1)

  say "scanning the careless site: $careless_url/"
  demo_scan "$admin_key" "$careless_url/" careless
  # Another name for the same address: a host that was just scanned is left in peace for a minute.
  say "scanning the hardened site: ${hardened_url/127.0.0.1/localhost}/"
  demo_scan "$admin_key" "${hardened_url/127.0.0.1/localhost}/" hardened
  compare_findings

  say "calling with a key of the free tier until the limiter refuses"
  call_until_refused "$free_key"
  say "done"
}

start_site() { scripts/site.sh start "$1" "$demo_dir/$1"; }

# demo_scan KEY URL NAME: shows the scan and keeps its findings in NAME.json.
demo_scan() {
  local code=0 scan
  WEIR_KEY=$1 "$weir" scan "$2" --profile quick || code=$?
  # 1: findings at or above the gate's severity.
  [[ $code -le 1 ]] || fail "the scan of $2 ended with exit code $code"
  scan=$(WEIR_KEY=$1 "$weir" call list_scans '{"limit": 1}' | grep -o 'scn_[0-9A-Z]*' | head -n 1)
  [[ -n $scan ]] || fail "list_scans shows no scan"
  WEIR_KEY=$1 "$weir" call list_findings "{\"scan_id\": \"$scan\", \"limit\": 100}" >"$demo_dir/$3.json"
}

# The careless site breaks many rules, and the hardened one none of the same.
compare_findings() {
  python3 - "$demo_dir/careless.json" "$demo_dir/hardened.json" "$careless_rules_min" <<'PYTHON'
import json, sys

def rules(value):
    if isinstance(value, dict):
        own = {value["rule_id"]} if isinstance(value.get("rule_id"), str) else set()
        return own.union(*(rules(member) for member in value.values()))
    return set().union(*(rules(member) for member in value)) if isinstance(value, list) else set()

careless, hardened = (rules(json.load(open(path))) for path in sys.argv[1:3])
print(f"\ncareless site: {len(careless)} rules broken: {', '.join(sorted(careless))}")
print(f"hardened site: {len(hardened)} rules broken: {', '.join(sorted(hardened)) or 'none'}\n")
if len(careless) < int(sys.argv[3]) or careless & hardened:
    sys.exit(f"error: expected at least {sys.argv[3]} rules on the careless site and none of them on the hardened one")
PYTHON
}

call_until_refused() {
  local body n
  body='{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"list_targets","arguments":{},
    "_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}'
  for ((n = 1; n <= calls_max; ++n)); do
    curl -sS -o "$demo_dir/answer.json" -D "$demo_dir/answer.head" "$server_url/mcp" -H "Authorization: Bearer $1" \
      -H 'Content-Type: application/json' -H 'Accept: application/json, text/event-stream' \
      -H 'MCP-Protocol-Version: 2026-07-28' -H 'Mcp-Method: tools/call' -H 'Mcp-Name: list_targets' --data "$body"
    grep -qi '^retry-after:' "$demo_dir/answer.head" && break
  done
  ((n <= calls_max)) || fail "$calls_max calls in a row were all admitted; the last answer: $(<"$demo_dir/answer.json")"
  printf '\ncall %d was refused:\n\n' "$n"
  grep -iE '^(HTTP/|retry-after|x-ratelimit|ratelimit)' "$demo_dir/answer.head" | tr -d '\r'
  python3 -c 'import json, sys; print(json.dumps(json.load(open(sys.argv[1])), indent=2))' "$demo_dir/answer.json"
}

demo_stop() {
  if [[ -n ${server_pid:-} ]]; then
    kill -TERM "$server_pid" 2>/dev/null || true
    wait "$server_pid" 2>/dev/null || true
  fi
  scripts/site.sh stop "$demo_dir/careless"
  scripts/site.sh stop "$demo_dir/hardened"
  rm -rf "$demo_dir"
}
