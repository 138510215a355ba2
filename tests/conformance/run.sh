#!/usr/bin/env bash
# Installs the suite, as package-lock.json pins it, and runs all of it: run.sh SOURCE_DIR WORK_DIR [run.py's options].
# Needs WEIR_BINARY and WEIR_FIXTURE. A suite that cannot be had fails; with WEIR_OFFLINE=1 it is a skip (77, for CTest).
set -euo pipefail
source_dir=$1
work_dir=$2
shift 2

unavailable() {
  if [[ ${WEIR_OFFLINE:-0} == 1 ]]; then
    echo "skipped (WEIR_OFFLINE=1): $1" >&2
    exit 77
  fi
  echo "error: $1. Without a network set WEIR_OFFLINE=1 to skip this test." >&2
  exit 1
}

for binary in "${WEIR_BINARY:-}" "${WEIR_FIXTURE:-}"; do
  [[ -n $binary && -x $binary ]] || {
    echo "error: WEIR_BINARY and WEIR_FIXTURE must name binaries, not '$binary'" >&2
    exit 1
  }
done
node=$("$source_dir/scripts/node.sh") || unavailable "there is no Node.js of the version that the suite needs"
mkdir -p "$work_dir"
cp "$source_dir"/tests/conformance/{package.json,package-lock.json} "$work_dir/"
# Once for each version of the lockfile.
if ! cmp -s "$work_dir/package-lock.json" "$work_dir/node_modules/.installed"; then
  (cd "$work_dir" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error) >&2 ||
    unavailable "npm could not install the conformance suite (above)"
  cp "$work_dir/package-lock.json" "$work_dir/node_modules/.installed"
fi
exec python3 -B "$source_dir/tests/conformance/run.py" --weir "$WEIR_BINARY" --fixture "$WEIR_FIXTURE" --node "$node" \
  --suite "$work_dir/node_modules/.bin/conformance" "$@"
