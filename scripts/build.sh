# Configuring and building a preset. Sourced by ./dev.
# shellcheck shell=bash

# configure_preset PRESET [CMAKE OPTION...]
configure_preset() {
  local preset=$1
  shift
  local launcher=()
  command -v ccache >/dev/null 2>&1 && launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
  say "configuring build/$preset"
  cmake --preset "$preset" "${launcher[@]}" "$@" --log-level=WARNING >&2 ||
    fail "cmake refused the preset '$preset'; its message stands above"
}

# build_preset PRESET [TARGET...]
build_preset() {
  local preset=$1
  shift
  configure_preset "$preset"
  say "building build/$preset ${*:-(everything)}"
  ninja -C "build/$preset" -j "$(jobs_max)" "$@" >&2
}

# The path of the optimised server, built if need be.
release_weir() {
  ensure_packages build
  build_preset release weir
  weir=$(find build/release -maxdepth 3 -type f -name weir -perm -u+x | head -n 1)
  [[ -n $weir ]] || fail "the build left no binary called weir under build/release"
}
