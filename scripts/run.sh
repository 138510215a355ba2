# ./dev run: builds the server and keeps it in the foreground. A first start also scans the server itself, over MCP,
# with the events shown live. Sourced by ./dev.
# shellcheck shell=bash

run_command() {
  local listen="127.0.0.1:${WEIR_PORT:-8080}" data=./weir-data passed=() weir
  while [[ $# -gt 0 ]]; do
    case "$1" in
      --listen | --data)
        [[ $# -ge 2 ]] || fail "$1 needs a value" 2
        [[ $1 == --listen ]] && listen=$2 || data=$2
        shift
        ;;
      --listen=*) listen=${1#*=} ;;
      --data=*) data=${1#*=} ;;
      *) passed+=("$1") ;;
    esac
    shift
  done
  release_weir

  local is_first_start=yes
  [[ -e $data/admin.key ]] && is_first_start=no
  start_server "$data" "$listen" "${passed[@]}"
  if [[ $is_first_start == yes && -r $data/admin.key ]]; then
    first_scan "$data"
  fi
  serve_until_stopped
}

# Starts the server in the background, repeats what it prints, and returns once it accepts connections; `server_pid`
# and `server_url` are set then. Ends with the server's exit code if it refuses to start.
start_server() {
  local data=$1 listen=$2 pipe line
  shift 2
  pipe=$(mktemp -u)
  mkfifo -m 600 "$pipe"
  "$weir" serve --listen "$listen" --data "$data" "$@" >"$pipe" &
  server_pid=$!
  exec 3<"$pipe"
  rm -f "$pipe"
  trap 'kill -TERM "$server_pid" 2>/dev/null' INT TERM HUP
  server_url=
  while [[ -z $server_url ]] && IFS= read -r line <&3; do
    printf '%s\n' "$line"
    [[ $line =~ ^weir\ ready\ on\ (http://[^[:space:]]+) ]] && server_url=${BASH_REMATCH[1]}
  done
  if [[ -z $server_url ]]; then
    local code=0
    wait "$server_pid" || code=$?
    fail "the server did not start; its message stands above" "$((code == 0 ? 1 : code))"
  fi
  cat <&3 &  # what it prints later; ends with the server
}

first_scan() {
  say "first start: Weir registers itself as a target and scans itself over MCP"
  local code=0
  WEIR_URL=$server_url WEIR_KEY=$(<"$1/admin.key") "$weir" scan "$server_url" --self --profile passive || code=$?
  # 1: the gate failed, that is findings at or above a severity; the scan itself was done.
  [[ $code -le 1 ]] || say "the first scan ended with exit code $code; the server keeps running"
  say "Weir serves on $server_url; the admin key is in $1/admin.key; Ctrl-C stops it"
}

serve_until_stopped() {
  local code=0
  while true; do
    code=0
    wait "$server_pid" || code=$?
    # `wait` also returns when a signal was trapped; then the server is still finishing its calls.
    kill -0 "$server_pid" 2>/dev/null || break
  done
  exit "$code"
}
