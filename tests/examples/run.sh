#!/usr/bin/env bash
# Runs the examples against the real binary: run.sh SOURCE_DIR WORK_DIR. Needs WEIR_BINARY. httpx is installed once, in
# the versions of requirements.txt, into a virtual environment under WORK_DIR. Packages that cannot be had fail the test;
# with WEIR_OFFLINE=1, for machines without a network, that is a skip (77, for CTest).
set -euo pipefail
source_dir=$1
work_dir=$2
requirements=$source_dir/tests/examples/requirements.txt

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
EXAMPLE_NODE=$("$source_dir/scripts/node.sh") || unavailable "there is no Node.js that runs TypeScript"
EXAMPLE_PYTHON=$work_dir/venv/bin/python
mkdir -p "$work_dir"
if ! cmp -s "$requirements" "$work_dir/venv/.installed"; then
  rm -rf "$work_dir/venv"
  python3 -m venv "$work_dir/venv" || {
    echo "error: python3 -m venv failed: apt-get install python3-venv" >&2
    exit 1
  }
  "$EXAMPLE_PYTHON" -m pip install --quiet --disable-pip-version-check --requirement "$requirements" ||
    unavailable "pip could not install httpx (above)"
  cp "$requirements" "$work_dir/venv/.installed"
fi
EXAMPLE_NODE_FOLDER=$work_dir/node
mkdir -p "$EXAMPLE_NODE_FOLDER"
cp "$source_dir"/tests/examples/{package.json,package-lock.json} "$EXAMPLE_NODE_FOLDER/"
if ! cmp -s "$EXAMPLE_NODE_FOLDER/package-lock.json" "$EXAMPLE_NODE_FOLDER/node_modules/.installed"; then
  (cd "$EXAMPLE_NODE_FOLDER" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error) ||
    unavailable "npm could not install standardwebhooks (above)"
  cp "$EXAMPLE_NODE_FOLDER/package-lock.json" "$EXAMPLE_NODE_FOLDER/node_modules/.installed"
fi
export EXAMPLE_NODE EXAMPLE_PYTHON EXAMPLE_NODE_FOLDER
export PYTHONPATH=$source_dir/tests/process
cd "$source_dir/tests/examples"
exec python3 -B -m unittest discover -v
