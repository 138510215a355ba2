# ./dev conformance: the published MCP suite, exactly pinned, against the product. Sourced by ./dev.
# shellcheck shell=bash

conformance_package=@modelcontextprotocol/conformance@0.2.0-alpha.12

# The scenarios that need no fixture tools, per revision.
conformance_scenarios() {
  case "$1" in
    2026-07-28) echo server-stateless tools-list http-header-validation dns-rebinding-protection caching ;;
    2025-11-25) echo server-initialize server-session-lifecycle ping tools-list dns-rebinding-protection ;;
  esac
}

conformance_command() {
  ensure_packages build conformance
  local weir node failed=0 revision
  release_weir
  node=$(scripts/node.sh)
  install_conformance
  conformance_dir=$(mktemp -d -t weir-conformance.XXXXXX)
  trap conformance_stop EXIT
  trap 'exit 130' INT TERM

  source scripts/run.sh
  start_server "$conformance_dir/data" 127.0.0.1:0 >&2
  trap 'exit 130' INT TERM
  start_proxy
  for revision in 2026-07-28 2025-11-25; do
    run_revision "$revision" || failed=1
  done
  run_fixture || failed=1
  return "$failed"
}

# The whole suite against the fixtures, which are built from the same libraries as the product.
run_fixture() {
  local line folder failed=0
  cmake --build --preset release --target conformance_fixture >&2
  exec 5< <(exec build/release/tests/conformance/conformance_fixture)
  fixture_pid=$!
  IFS= read -r line <&5 || fail "the fixture server did not start"
  [[ $line =~ ^fixture\ ready\ on\ (http://[^ ]+)\ key\ (.+)$ ]] || fail "the fixture server said: $line"
  exec 6< <(WEIR_KEY=${BASH_REMATCH[2]} exec "$node" tests/conformance/auth_proxy.mjs "${BASH_REMATCH[1]}")
  fixture_proxy_pid=$!
  IFS= read -r line <&6 || fail "the proxy did not start"
  printf '\n%-44s %6s  %6s  %8s\n' "fixtures" passed failed warnings
  run_suite "${line#proxy ready on }/mcp" "--requirements 2026-07-28" || failed=1
  run_suite "${line#proxy ready on }/mcp" "--requirements 2025-11-25" || failed=1
  run_suite "${line#proxy ready on }/mcp" "--suite all" || failed=1
  for revision in 2025-03-26 2025-06-18 2025-11-25 2026-07-28; do
    run_suite "${line#proxy ready on }/mcp" "--suite all --spec-version $revision" || failed=1
  done
  return "$failed"
}

# run_suite URL "OPTIONS": one run, one line; then what did not pass.
run_suite() {
  local results="$conformance_dir/fixture${2// /}"
  mkdir -p "$results"
  # shellcheck disable=SC2086  # options are words
  "$node" build/conformance/node_modules/.bin/conformance server --url "$1" $2 -o "$results" \
    >"$results/output.txt" 2>&1 </dev/null || true
  python3 - "$2" "$results" <<'PYTHON'
import collections, json, pathlib, sys
counts, complaints = collections.Counter(), []
for path in sorted(pathlib.Path(sys.argv[2]).rglob("checks.json")):
    for check in json.loads(path.read_text()):
        counts[check["status"]] += 1
        if check["status"] in ("FAILURE", "WARNING"):
            complaints.append(f"{path.parent.name}: {check['id']}: {check.get('errorMessage', check['description'])}")
if not counts:
    counts["FAILURE"] = 1
print(f"{sys.argv[1]:<44} {counts['SUCCESS']:>6}  {counts['FAILURE']:>6}  {counts['WARNING']:>8}")
print("".join(f"  {line}\n" for line in complaints), end="")
sys.exit(1 if counts["FAILURE"] or counts["WARNING"] else 0)
PYTHON
}

install_conformance() {
  [[ -x build/conformance/node_modules/.bin/conformance ]] && return 0
  say "installing $conformance_package under build/conformance"
  mkdir -p build/conformance
  npm install --prefix build/conformance --no-audit --no-fund --no-save --loglevel=error "$conformance_package" >&2
}

start_proxy() {
  local line
  # shellcheck disable=SC2154  # conformance_command and start_server set them
  exec 4< <(WEIR_KEY=$(<"$conformance_dir/data/admin.key") exec "$node" tests/conformance/auth_proxy.mjs "$server_url")
  proxy_pid=$!
  IFS= read -r line <&4 || fail "the proxy did not start"
  proxy_url=${line#proxy ready on }
}

# run_revision REVISION: every scenario, then a table of the checks passed and failed.
run_revision() {
  local revision=$1 results="$conformance_dir/$1" scenario
  for scenario in $(conformance_scenarios "$revision"); do
    mkdir -p "$results/$scenario"
    "$node" build/conformance/node_modules/.bin/conformance server --url "$proxy_url/mcp" --scenario "$scenario" \
      --spec-version "$revision" -o "$results/$scenario" >"$results/$scenario/output.txt" 2>&1 </dev/null || true
  done
  python3 - "$revision" "$results" <<'PYTHON'
import collections, json, pathlib, sys
revision, results = sys.argv[1], pathlib.Path(sys.argv[2])
print(f"\n{'scenario (' + revision + ')':<44} passed  failed  warnings")
total, complaints = collections.Counter(), []
for folder in sorted(results.iterdir()):
    counts = collections.Counter()
    for path in folder.rglob("checks.json"):
        for check in json.loads(path.read_text()):
            counts[check["status"]] += 1
            if check["status"] in ("FAILURE", "WARNING"):
                complaints.append(f"{folder.name}: {check['id']}: {check.get('errorMessage', check['description'])}")
    if not counts:
        counts["FAILURE"] = 1
        complaints.append(f"{folder.name}: no result: {(folder / 'output.txt').read_text()[-300:]}")
    print(f"{folder.name:<44} {counts['SUCCESS']:>6}  {counts['FAILURE']:>6}  {counts['WARNING']:>8}")
    total += counts
print(f"{'total':<44} {total['SUCCESS']:>6}  {total['FAILURE']:>6}  {total['WARNING']:>8}")
print("".join(f"  {line}\n" for line in complaints), end="")
sys.exit(1 if total["FAILURE"] else 0)
PYTHON
}

conformance_stop() {
  local pid
  for pid in ${proxy_pid:-} ${server_pid:-} ${fixture_proxy_pid:-} ${fixture_pid:-}; do
    kill -TERM "$pid" 2>/dev/null || true
  done
  [[ -z ${server_pid:-} ]] || wait "$server_pid" 2>/dev/null || true
  rm -rf "$conformance_dir"
}
