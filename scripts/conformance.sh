# ./dev conformance: the published MCP suite, exactly pinned, against the product and against the fixtures that are built
# from the same libraries. Prints a table; any failure and any warning fails. Sourced by ./dev.
# shellcheck shell=bash

conformance_command() {
  ensure_packages build conformance
  release_weir
  cmake --build --preset release --target conformance_fixture >&2
  # shellcheck disable=SC2154  # release_weir sets it
  WEIR_BINARY="$PWD/$weir" WEIR_FIXTURE="$PWD/build/release/tests/conformance/conformance_fixture" \
    tests/conformance/run.sh "$PWD" build/conformance "$@"
}
