#!/usr/bin/env bash
# Installs the clients into a folder of the build and runs the tests there: run.sh SOURCE_DIR WORK_DIR. Needs
# WEIR_BINARY. Exits 77 (skipped, for CTest) if the packages cannot be had.
set -euo pipefail
source_dir=$1
work_dir=$2

[[ -n ${WEIR_BINARY:-} && -x $WEIR_BINARY ]] || {
  echo "skipped: WEIR_BINARY names no binary" >&2
  exit 77
}
node=$("$source_dir/scripts/node.sh") || exit 77
mkdir -p "$work_dir"
cp "$source_dir"/tests/clients/{package.json,package-lock.json,clients.test.mjs,weir_server.mjs} "$work_dir/"
cd "$work_dir"
# Once for each version of the lockfile.
if ! cmp -s package-lock.json node_modules/.installed; then
  npm ci --ignore-scripts --no-audit --no-fund --loglevel=error || {
    echo "skipped: npm could not install the clients" >&2
    exit 77
  }
  cp package-lock.json node_modules/.installed
fi
exec "$node" --test --test-reporter=spec clients.test.mjs
