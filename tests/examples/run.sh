#!/usr/bin/env bash
# Runs the examples against the real binary: run.sh SOURCE_DIR WORK_DIR. Needs WEIR_BINARY. httpx is installed once, in
# the versions of requirements.txt, into a virtual environment under WORK_DIR.
set -euo pipefail
source_dir=$1
work_dir=$2
requirements=$source_dir/tests/examples/requirements.txt

EXAMPLE_NODE=$("$source_dir/scripts/node.sh")
EXAMPLE_PYTHON=$work_dir/venv/bin/python
mkdir -p "$work_dir"
if ! cmp -s "$requirements" "$work_dir/venv/.installed"; then
  rm -rf "$work_dir/venv"
  python3 -m venv "$work_dir/venv" || {
    echo "error: python3 -m venv failed: apt-get install python3-venv" >&2
    exit 1
  }
  "$EXAMPLE_PYTHON" -m pip install --quiet --disable-pip-version-check --requirement "$requirements"
  cp "$requirements" "$work_dir/venv/.installed"
fi
export EXAMPLE_NODE EXAMPLE_PYTHON
export PYTHONPATH=$source_dir/tests/process
cd "$source_dir/tests/examples"
exec python3 -B -m unittest -v test_examples
