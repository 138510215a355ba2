#!/usr/bin/env bash
# Installs the clients into a folder of the build and runs the tests there: run.sh SOURCE_DIR WORK_DIR. Needs
# WEIR_BINARY. Packages that cannot be had fail the test: a test that silently does not run shows nothing. With
# WEIR_OFFLINE=1, for machines without a network, that is a skip (77, for CTest).
set -euo pipefail
source_dir=$1
work_dir=$2

unavailable() {
  if [[ ${WEIR_OFFLINE:-0} == 1 ]]; then
    echo "skipped (WEIR_OFFLINE=1): $1" >&2
    exit 77
  fi
  echo "error: $1. Without a network set WEIR_OFFLINE=1 to skip this test." >&2
  exit 1
}

[[ -n ${WEIR_BINARY:-} && -x $WEIR_BINARY ]] || {
  echo "error: WEIR_BINARY names no binary: ${WEIR_BINARY:-it is not set}" >&2
  exit 1
}
node=$("$source_dir/scripts/node.sh") || unavailable "there is no Node.js of the version that the clients need"
mkdir -p "$work_dir"
cp "$source_dir"/tests/clients/{package.json,package-lock.json} "$source_dir"/tests/clients/*.mjs "$work_dir/"
cd "$work_dir"
# Once for each version of the lockfile.
if ! cmp -s package-lock.json node_modules/.installed; then
  npm ci --ignore-scripts --no-audit --no-fund --loglevel=error || unavailable "npm could not install the clients (above)"
  cp package-lock.json node_modules/.installed
fi
exec "$node" --test --test-reporter=spec clients.test.mjs inspector.test.mjs
