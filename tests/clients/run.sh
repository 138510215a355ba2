#!/usr/bin/env bash
# Installs the clients into a folder of the build and runs the tests there: run.sh SOURCE_DIR WORK_DIR. Needs WEIR_BINARY.
set -euo pipefail
source_dir=$1
work_dir=$2
source "$source_dir/tests/support/packages.sh"

need_binary
node=$("$source_dir/scripts/node.sh") || unavailable "there is no Node.js of the version that the clients need"
npm_install "$source_dir/tests/clients" "$work_dir" "the clients"
cp "$source_dir"/tests/clients/*.mjs "$work_dir/"
cd "$work_dir"
exec "$node" --test --test-reporter=spec clients.test.mjs inspector.test.mjs
