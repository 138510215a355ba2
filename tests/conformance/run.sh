#!/usr/bin/env bash
# Installs the suite, as package-lock.json pins it, and runs all of it: run.sh SOURCE_DIR WORK_DIR [run.py's options].
# Needs WEIR_BINARY and WEIR_FIXTURE.
set -euo pipefail
source_dir=$1
work_dir=$2
shift 2

source "$source_dir/tests/support/packages.sh"

for binary in "${WEIR_BINARY:-}" "${WEIR_FIXTURE:-}"; do
  [[ -n $binary && -x $binary ]] || {
    echo "error: WEIR_BINARY and WEIR_FIXTURE must name binaries, not '$binary'" >&2
    exit 1
  }
done
node=$("$source_dir/scripts/node.sh") || unavailable "there is no Node.js of the version that the suite needs"
npm_install "$source_dir/tests/conformance" "$work_dir" "the conformance suite"
exec python3 -B "$source_dir/tests/conformance/run.py" --weir "$WEIR_BINARY" --fixture "$WEIR_FIXTURE" --node "$node" \
  --suite "$work_dir/node_modules/.bin/conformance" "$@"
