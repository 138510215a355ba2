# What the tests share that install packages into a folder of the build; sourced by their run.sh. Packages that cannot
# be had fail a test: one that silently does not run shows nothing. With WEIR_OFFLINE=1, for machines without a network,
# that is a skip (77, for CTest).
# shellcheck shell=bash

unavailable() {
  if [[ ${WEIR_OFFLINE:-0} == 1 ]]; then
    echo "skipped (WEIR_OFFLINE=1): $1" >&2
    exit 77
  fi
  echo "error: $1. Without a network set WEIR_OFFLINE=1 to skip this test." >&2
  exit 1
}

need_binary() {
  [[ -n ${WEIR_BINARY:-} && -x $WEIR_BINARY ]] && return 0
  echo "error: WEIR_BINARY names no binary: ${WEIR_BINARY:-it is not set}" >&2
  exit 1
}

# npm_install FROM FOLDER WHAT: the packages that FROM's lockfile pins, once for each version of it.
npm_install() {
  mkdir -p "$2"
  cp "$1"/{package.json,package-lock.json} "$2/"
  cmp -s "$2/package-lock.json" "$2/node_modules/.installed" && return 0
  (cd "$2" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error) >&2 ||
    unavailable "npm could not install $3 (above)"
  cp "$2/package-lock.json" "$2/node_modules/.installed"
}
