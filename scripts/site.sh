#!/usr/bin/env bash
# Starts and stops one of the sites of tests/fixtures on nginx, on loopback, without root.
#   site.sh start careless|hardened DIR [HTTP_PORT HTTPS_PORT]   DIR is new or empty; prints HTTP_URL=, HTTPS_URL=, CA_FILE=, PID=
#   site.sh stop DIR
set -euo pipefail
root=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." && pwd)
source "$root/scripts/environment.sh"
PATH=$PATH:/usr/sbin

usage() { fail "usage: site.sh start careless|hardened DIR [HTTP_PORT HTTPS_PORT] | site.sh stop DIR" 2; }

# quietly COMMAND...: shows what it printed only if it fails.
quietly() {
  local output
  output=$("$@" 2>&1) || fail "$* failed: $output"
}

# The key of a certificate authority that lives as long as the site: make_authority DIR
make_authority() {
  quietly openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -sha256 \
    -subj "/CN=Weir test authority" -keyout "$1/ca.key" -out "$1/ca.crt" \
    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign
}

# RSA 1024, SHA-1, self-signed, another name, and over since 2021. `openssl ca` is the way to choose the dates.
make_careless_certificate() {
  local dir=$1
  mkdir "$dir/ca"
  : >"$dir/ca/index.txt"
  echo 01 >"$dir/ca/serial"
  cat >"$dir/ca/ca.conf" <<CONF
[ca]
default_ca = careless
[careless]
database = $dir/ca/index.txt
serial = $dir/ca/serial
new_certs_dir = $dir/ca
default_md = sha1
policy = any
x509_extensions = names
[any]
commonName = supplied
[names]
subjectAltName = DNS:old-shop.invalid
[req]
distinguished_name = req
CONF
  quietly openssl req -config "$dir/ca/ca.conf" -newkey rsa:1024 -nodes -sha256 -subj /CN=old-shop.invalid \
    -keyout "$dir/careless.key" -out "$dir/careless.csr"
  quietly openssl ca -config "$dir/ca/ca.conf" -batch -notext -selfsign -keyfile "$dir/careless.key" \
    -startdate 20200101000000Z -enddate 20210101000000Z -in "$dir/careless.csr" -out "$dir/careless.crt"
}

# EC P-256, from the authority, for the names under which the site is reached, with the authority sent along.
make_hardened_certificate() {
  local dir=$1
  cat >"$dir/names.conf" <<CONF
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = DNS:localhost,IP:127.0.0.1
CONF
  quietly openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -sha256 -subj /CN=localhost \
    -keyout "$dir/hardened.key" -out "$dir/hardened.csr"
  # 90 days: an expiry that is near is a finding of its own.
  quietly openssl x509 -req -in "$dir/hardened.csr" -CA "$dir/ca.crt" -CAkey "$dir/ca.key" -CAcreateserial -days 90 -sha256 \
    -extfile "$dir/names.conf" -out "$dir/hardened.leaf.crt"
  cat "$dir/hardened.leaf.crt" "$dir/ca.crt" >"$dir/hardened.crt"
  printf 'Contact: mailto:security@localhost\nExpires: %s\n' "$(date -u -d '+90 days' +%Y-%m-%dT%H:%M:%SZ)" >"$dir/security.txt"
}

# Distributions forbid TLS 1.0 and short keys for every program; the careless site gets a configuration that does not.
write_openssl_configuration() {
  cat >"$1/openssl.conf" <<CONF
openssl_conf = openssl_init
[openssl_init]
ssl_conf = ssl
[ssl]
system_default = defaults
[defaults]
MinProtocol = TLSv1
CipherString = ALL:@SECLEVEL=0
CONF
}

start() {
  local kind=$1 dir=$2 http=${3:-} https=${4:-} user='' attempt ports
  local source="$root/tests/fixtures/$kind"
  [[ -f $source/nginx.conf.in ]] || fail "no site '$kind' in tests/fixtures" 2
  command -v nginx >/dev/null || fail "nginx is missing: apt-get install nginx-light"
  mkdir -p "$dir/tmp"
  dir=$(cd "$dir" && pwd)
  # As root nginx would change to nobody, who may not read DIR.
  [[ $(id -u) -eq 0 ]] && user='user root;'
  make_authority "$dir"
  "make_${kind}_certificate" "$dir"
  [[ $kind == careless ]] && write_openssl_configuration "$dir"

  # A port that was free may be taken a moment later; then another pair is tried.
  for attempt in 1 2 3; do
    if [[ -z ${4:-} ]]; then
      mapfile -t ports < <(free_ports 2)
      http=${ports[0]} https=${ports[1]}
    fi
    sed -e "s|@USER@|$user|" -e "s|@PREFIX@|$dir|g" -e "s|@PAGES@|$source/pages|g" -e "s|@HTTP_PORT@|$http|g" \
      -e "s|@HTTPS_PORT@|$https|g" "$source/nginx.conf.in" >"$dir/nginx.conf"
    # nginx returns once its sockets listen.
    if OPENSSL_CONF=$([[ -f $dir/openssl.conf ]] && echo "$dir/openssl.conf" || echo "${OPENSSL_CONF:-}") \
      start_nginx "$dir"; then
      printf 'HTTP_URL=http://127.0.0.1:%s\nHTTPS_URL=https://127.0.0.1:%s\nCA_FILE=%s\nPID=%s\n' \
        "$http" "$https" "$dir/ca.crt" "$(<"$dir/nginx.pid")"
      return 0
    fi
    [[ -n ${4:-} ]] && break
  done
  fail "nginx did not start: $(tail -n 3 "$dir/start.log")"
}

start_nginx() {
  [[ -n $OPENSSL_CONF ]] && export OPENSSL_CONF || unset OPENSSL_CONF
  nginx -p "$1" -c "$1/nginx.conf" -e "$1/error.log" >"$1/start.log" 2>&1 </dev/null
}

stop() {
  local pid waited
  [[ -f $1/nginx.pid ]] || return 0
  pid=$(<"$1/nginx.pid")
  kill -TERM "$pid" 2>/dev/null || return 0
  # nginx removes the file as the last thing that it does.
  for ((waited = 0; waited < 200; ++waited)); do
    [[ -e $1/nginx.pid ]] || return 0
    sleep 0.05
  done
  fail "nginx ($pid) did not stop within 10 s"
}

case "${1:-}" in
  start)
    [[ $# -eq 3 || $# -eq 5 ]] || usage
    start "${@:2}"
    ;;
  stop)
    [[ $# -eq 2 ]] || usage
    stop "$2"
    ;;
  *) usage ;;
esac
