#!/usr/bin/env bash
# Installs a published MCP server into a folder of the build and has agents of the real binary use it: run.sh SOURCE_DIR
# WORK_DIR. Needs WEIR_BINARY. Packages that cannot be had fail the test; with WEIR_OFFLINE=1 that is a skip (77, for CTest).
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
EXTERNAL_NODE=$("$source_dir/scripts/node.sh") || unavailable "there is no Node.js of the version that the server needs"
mkdir -p "$work_dir"
cp "$source_dir"/tests/external_mcp/{package.json,package-lock.json} "$work_dir/"
# Once for each version of the lockfile.
if ! cmp -s "$work_dir/package-lock.json" "$work_dir/node_modules/.installed"; then
  (cd "$work_dir" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error) ||
    unavailable "npm could not install the server (above)"
  cp "$work_dir/package-lock.json" "$work_dir/node_modules/.installed"
fi
EXTERNAL_SERVER=$work_dir/node_modules/@modelcontextprotocol/server-everything/dist/index.js
export EXTERNAL_NODE EXTERNAL_SERVER
export PYTHONPATH=$source_dir/tests/process
cd "$source_dir/tests/external_mcp"
exec python3 -B -m unittest -v test_external_mcp
