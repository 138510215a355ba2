#!/usr/bin/env bash
# Runs the examples against the real binary: run.sh SOURCE_DIR WORK_DIR. Needs WEIR_BINARY. httpx is installed once, in
# the versions of requirements.txt, into a virtual environment under WORK_DIR.
set -euo pipefail
source_dir=$1
work_dir=$2
requirements=$source_dir/tests/examples/requirements.txt

source "$source_dir/tests/support/packages.sh"

need_binary
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
npm_install "$source_dir/tests/examples" "$EXAMPLE_NODE_FOLDER" standardwebhooks
export EXAMPLE_NODE EXAMPLE_PYTHON EXAMPLE_NODE_FOLDER
export PYTHONPATH=$source_dir/tests/process
cd "$source_dir/tests/examples"
exec python3 -B -m unittest discover -v
