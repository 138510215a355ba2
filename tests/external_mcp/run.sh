#!/usr/bin/env bash
# Installs a published MCP server into a folder of the build and has agents of the real binary use it: run.sh SOURCE_DIR
# WORK_DIR. Needs WEIR_BINARY.
set -euo pipefail
source_dir=$1
work_dir=$2
source "$source_dir/tests/support/packages.sh"

need_binary
EXTERNAL_NODE=$("$source_dir/scripts/node.sh") || unavailable "there is no Node.js of the version that the server needs"
npm_install "$source_dir/tests/external_mcp" "$work_dir" "the server"
EXTERNAL_SERVER=$work_dir/node_modules/@modelcontextprotocol/server-everything/dist/index.js
export EXTERNAL_NODE EXTERNAL_SERVER
export PYTHONPATH=$source_dir/tests/process
cd "$source_dir/tests/external_mcp"
exec python3 -B -m unittest -v test_external_mcp
