# Distribution packages: which command needs what, and how the missing ones are installed. Sourced by ./dev.
# shellcheck shell=bash
# An entry "program:package" is satisfied by the program, wherever it came from.

packages_build=(
  g++ cmake ninja-build pkg-config ccache git python3 ca-certificates
  libcpp-httplib-dev libcurl4-openssl-dev nlohmann-json3-dev libhiredis-dev libspdlog-dev libfmt-dev
  libsoci-dev libboost-dev libsqlite3-dev libpq-dev libvalijson-dev libssl-dev libcjose-dev
  libtomlplusplus-dev libcli11-dev zlib1g-dev libbrotli-dev libjemalloc-dev
)
packages_test=(libgtest-dev libgmock-dev curl openssl chromium nginx:nginx-light redis-server postgresql node:nodejs npm:npm python3-venv)
packages_check=(clang clang-format clang-tidy valgrind)
packages_bench=(wrk libbenchmark-dev nginx:nginx-light curl redis-server redis-cli:redis-tools libnginx-mod-nchan)
packages_demo=(nginx:nginx-light openssl curl)
packages_conformance=(node:nodejs npm:npm curl)

# True if `$1` ("package" or "program:package") is there.
is_present() {
  if [[ $1 == *:* ]]; then
    # nginx lives in /usr/sbin, which is not on everybody's PATH.
    PATH=$PATH:/usr/sbin:/sbin command -v "${1%%:*}" >/dev/null 2>&1
  else
    [[ $(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
  fi
}

as_root() {
  if [[ $(id -u) -eq 0 ]]; then
    "$@"
  elif command -v sudo >/dev/null 2>&1; then
    sudo "$@"
  else
    fail "installing packages needs root: run this as root, install sudo, or install yourself: $*"
  fi
}

# Some of these packages start a service when they are installed (nginx on port 80, Redis on 6379); nothing here
# wants that. policy-rc.d is Debian's switch for it; one that is already there is left alone.
install_quietly() (
  policy=/usr/sbin/policy-rc.d
  if [[ ! -e $policy ]]; then
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
    as_root chmod 755 "$policy"
    trap 'as_root rm -f "$policy"' EXIT
  fi
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends \
    -o DPkg::Lock::Timeout=300 "$@" >&2
)

# ensure_packages SET...: installs what is missing of the named sets, and nothing if nothing is.
ensure_packages() {
  local missing=() name entry
  for name in "$@"; do
    local -n entries="packages_$name"
    for entry in "${entries[@]}"; do
      is_present "$entry" || missing+=("${entry##*:}")
    done
  done
  [[ ${#missing[@]} -eq 0 ]] && return 0
  command -v apt-get >/dev/null 2>&1 ||
    fail "these packages are missing and apt-get is not here to install them: ${missing[*]}"
  mapfile -t missing < <(printf '%s\n' "${missing[@]}" | sort -u)
  say "installing with apt-get: ${missing[*]}"
  as_root apt-get update -q -o DPkg::Lock::Timeout=300 >&2 || say "apt-get update failed; trying with the lists at hand"
  install_quietly "${missing[@]}"
}
