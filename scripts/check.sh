# ./dev check [--all] and ./dev fmt. Sourced by ./dev.
# shellcheck shell=bash

all_sources() { git ls-files --cached --others --exclude-standard '*.cc' '*.h'; }

# What differs from the branch that everything is merged to, committed or not; all of it if that is unknown.
changed_sources() {
  local base
  base=$(git merge-base HEAD origin/main 2>/dev/null || git rev-parse -q --verify HEAD~1 2>/dev/null || true)
  if [[ -z $base ]]; then
    all_sources
  else
    { git diff --name-only --diff-filter=d "$base" -- '*.cc' '*.h'; git ls-files --others --exclude-standard '*.cc' '*.h'; } | sort -u
  fi
}

format_sources() {
  ensure_packages check
  all_sources | xargs -r clang-format -i
  say "formatted $(all_sources | wc -l) files"
}

check_command() {
  local scope=changed failed=()
  [[ ${1:-} == --all ]] && scope=all
  ensure_packages build test check
  local files
  mapfile -t files < <("${scope}_sources")

  step() {  # step NAME COMMAND...: runs it, remembers a failure, goes on
    say "$1"
    "${@:2}" || failed+=("$1")
  }
  step "format (./dev fmt mends it)" check_format "${files[@]}"
  step "tree rules" python3 scripts/check_tree.py
  step "build dev" build_preset dev
  step "clang-tidy on ${#files[@]} files" check_tidy "${files[@]}"
  step "tests" run_tests dev
  if [[ $scope == all ]]; then
    step "thread sanitizer" check_with_preset tsan
    step "clang, -Wthread-safety" check_with_clang
    step "fuzz corpus" check_fuzz_corpus
  fi
  [[ ${#failed[@]} -eq 0 ]] || fail "check failed: $(printf '%s; ' "${failed[@]}")"
  say "check passed"
}

check_format() {
  [[ $# -eq 0 ]] || clang-format --dry-run -Werror "$@"
}

check_tidy() {
  local sources=() file
  for file in "$@"; do [[ $file == *.cc ]] && grep -q "\"file\": \"$PWD/$file\"" build/dev/compile_commands.json && sources+=("$file"); done
  [[ ${#sources[@]} -eq 0 ]] && return 0
  # The database is g++'s: clang reads the header where g++ has a precompiled one, and does not know all of its flags.
  mkdir -p build/tidy
  python3 - <<'PYTHON'
import json, re
commands = json.load(open("build/dev/compile_commands.json"))
for entry in commands:
    entry["command"] = re.sub(r"-Winvalid-pch|-Wno-restrict|-Wno-maybe-uninitialized|-fno-sanitize-recover=\S+|-fsanitize=\S+", "",
                              entry["command"])
json.dump(commands, open("build/tidy/compile_commands.json", "w"))
PYTHON
  printf '%s\n' "${sources[@]}" | xargs -P "$(jobs_max)" -n 4 clang-tidy -p build/tidy --quiet
}

check_with_preset() {
  build_preset "$1" && run_tests "$1"
}

check_with_clang() {
  cmake --preset dev -B build/clang -DCMAKE_CXX_COMPILER=clang++ -DCMAKE_CXX_FLAGS=-Wthread-safety -DWEIR_SANITIZE= \
    --log-level=WARNING >&2 && ninja -C build/clang -j "$(jobs_max)" >&2
}

# The corpus is replayed by the fuzzers themselves, each for a few seconds on top.
check_fuzz_corpus() {
  [[ -f tests/fuzz/CMakeLists.txt ]] || return 0
  source scripts/fuzz.sh
  local name
  for name in $(fuzz_names); do fuzz_command "$name" 10 || return 1; done
}
