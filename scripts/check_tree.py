#!/usr/bin/env python3
"""Checks what must stay true of the tree and no compiler sees. Prints "file:line: rule: what to do".

Rules: direction (which folder may include which), library (who may include which library), word (banned words),
name (file names), header (a header opens with a comment and says what its classes promise to threads), readme (a
folder's table equals its files), build (every source in CMake, every header used), errors (every ErrorCode is
documented), clean (no machine paths, no build outputs). Long files and functions are notes (--notes), never failures.
"""
import argparse
import collections
import pathlib
import posixpath
import re
import subprocess
import sys
from dataclasses import dataclass

# A folder may include itself and these. Nothing includes server; tests may include everything.
MAY_INCLUDE = {
    "base": set(),
    "store": {"base"},
    "egress": {"base"},
    "limits": {"base"},
    "streaming": {"base", "store", "egress"},
    "jobs": {"base", "store", "streaming"},
    "tools": {"base", "store", "egress", "limits", "streaming", "jobs"},
    "server": {"base", "store", "egress", "limits", "streaming", "jobs", "tools"},
}

# (library, headers, files that may include them, what to use instead)
LIBRARIES = [
    ("cpp-httplib", r"httplib\.h", r"server/http/\w+\.(cc|h)", "server/http/exchange.h"),
    ("libcurl", r"curl/.*", r"egress/http_engine\.cc", "egress/http_client.h"),
    ("hiredis", r"hiredis/.*", r"limits/redis_(?:connection|subscriber)\.(cc|h)", "limits/redis_connection.h"),
    ("cjose", r"cjose/.*", r"server/auth/signed_token\.cc", "server/auth/signed_token.h"),
    ("SOCI", r"soci/.*|sqlite3\.h|libpq-fe\.h", r"store/(?:soci|sqlite|postgres)_\w+\.(cc|h)", "store/database.h"),
    ("spdlog", r"spdlog/.*", r"base/log\.cc", "base/log.h"),
    ("libssl", r"openssl/(ssl|tls1|x509\w*|bio)\.h", r"egress/\w+\.(cc|h)", "egress/tls_probe.h"),
    ("libcrypto", r"openssl/(?!ssl\.h|tls1\.h|x509|bio\.h|err\.h).*", r"base/\w+\.cc|egress/\w+\.(cc|h)", "base/hmac.h or base/random.h"),
    ("toml++", r"toml\+\+/.*", r"server/(?:cli/)?\w+\.cc", "server/config.h"),
    ("CLI11", r"CLI/.*", r"server/(?:cli/)?\w+\.cc", "server/cli/"),
    ("valijson", r"valijson/.*", r"tools/\w+\.cc", "the wrapper in tools/"),
]
ONE_INCLUDER = {"valijson", "libcurl", "spdlog"}

# (pattern, files that may, what to do instead)
BANNED_WORDS = [
    (r"(?:\.|->)\s*detach\s*\(", None, "own the thread: a std::jthread as last member"),
    (r"\b(?:sleep_for|sleep_until|usleep|nanosleep)\b", r"tests/support/.*",
     "wait on a condition with a deadline, or take a Clock (tests: testing::eventually)"),
    (r"\bcatch\s*\(\s*\.\.\.\s*\)\s*\{\s*\}", None, "turn the exception into an Error, or log it"),
    (r"\b(?:class|struct|enum|using)\s+(?:class\s+)?\w*(?:Manager|Helper|Utils?)\b", None,
     "name the type after the noun that it is"),
    (r"\bstd::c(?:out|err)\b", r"server/(?:cli\w*(?:/.*|\.cc|\.h)|main\.cc)|tests/.*", "log with base/log.h; only the command line prints"),
    (r"(?<![\w:.>])s?rand\s*\(", None, "take a Random& (base/random.h)"),
    (r"\bstd::thread\b(?!\s*::)", r"tests/.*", "use std::jthread"),
]
BAD_FILE_NAME = re.compile(r"(?:^|_)(?:utils?|helpers?|manager|common|misc|impl|(?<!event_)types)(?:_|$)|^base_")

THREAD_LINE = re.compile(r"\b(?:Thread-safe|Immutable|Not thread-safe: |Thread-compatible)")
README_PROSE_LINES_MAX = 25
HEADER_LINES, SOURCE_LINES, FUNCTION_LINES, LINE_COLUMNS = 150, 400, 70, 120

# Put together so that this file does not refuse itself.
MACHINE_PATHS = re.compile("|".join([r"(?<![\w.])/" + "work/", r"(?<![\w.])/" + r"root/", r"(?<![\w.$])/" + r"home/\w"]))
REGISTRY_HOST = re.compile(r"\bhttps?://[\w.-]*(?:registry|artifactory|nexus|pypi|npmjs|mirror)[\w.-]*", re.I)
REGISTRY_ALLOWED = re.compile(r"https?://registry\.modelcontextprotocol\.io")
BUILD_OUTPUT = re.compile(r"(?:^|/)(?:node_modules|__pycache__|build|weir-data|\.cache)/|\.(?:o|a|so|pyc|gch|db|sqlite3?)$")
TEXT_SUFFIXES = {".cc", ".h", ".md", ".py", ".sh", ".txt", ".json", ".toml", ".mjs", ".js", ".ts", ".html", ".css", ".conf",
                 ".cmake", ".sql", ".lua", ".yml", ".yaml", ".template", ""}


@dataclass(frozen=True, order=True)
class Problem:
    path: str
    line: int
    rule: str
    text: str

    def __str__(self):
        return f"{self.path}:{self.line}: {self.rule}: {self.text}"


def without_comments_and_strings(text):
    """The same text with comments and the contents of literals blanked; line numbers stay."""
    token = re.compile(
        r'//[^\n]*|/\*.*?\*/|R"(?P<tag>[^()\\\s]{0,16})\(.*?\)(?P=tag)"|"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])\'(?:\\.|[^\'\\\n])+\'',
        re.S)

    def blank(match):
        found = match.group(0)
        quote = found[-1] if found[0] in "\"'R" else ""
        return quote + re.sub(r"[^\n]", " ", found[1:-1]) + quote if quote else re.sub(r"[^\n]", " ", found)

    return token.sub(blank, text)


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


class Tree:
    """The files that git tracks or would track; every file below `root` where there is no git."""

    def __init__(self, root):
        self.root = pathlib.Path(root).resolve()
        self.files = self._list()
        self._texts = {}

    def _list(self):
        listed = subprocess.run(["git", "-C", str(self.root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                                capture_output=True, check=False) if (self.root / ".git").exists() else None
        if listed is not None and listed.returncode == 0:
            names = listed.stdout.decode().split("\0")
        else:
            names = [path.relative_to(self.root).as_posix() for path in self.root.rglob("*")]
        return sorted({name for name in names if name and (self.root / name).is_file()})

    def text(self, path):
        if path not in self._texts:
            self._texts[path] = (self.root / path).read_text(encoding="utf-8", errors="replace")
        return self._texts[path]

    def sources(self):
        return [path for path in self.files if path.endswith((".cc", ".h"))]


def top(path):
    return path.split("/", 1)[0]


def includes(text):
    """(line, name, is_quoted) of each #include."""
    for match in re.finditer(r'^[ \t]*#[ \t]*include[ \t]*(?:"([^"\n]+)"|<([^>\n]+)>)', text, re.M):
        yield line_of(text, match.start()), match.group(1) or match.group(2), match.group(1) is not None


def check_includes(tree):
    includers = collections.defaultdict(list)
    for path in tree.sources():
        folder = top(path)
        for line, name, is_quoted in includes(tree.text(path)):
            target = top(name)
            if is_quoted:
                if not (tree.root / name).is_file() and not name.startswith("generated/"):
                    yield Problem(path, line, "direction", f'"{name}" is no file of the tree: include by its path from the root')
                if folder in MAY_INCLUDE and target in MAY_INCLUDE and target != folder and target not in MAY_INCLUDE[folder]:
                    yield Problem(path, line, "direction", f"{folder}/ must not include {target}/ ({name}); it may include "
                                  + (", ".join(sorted(MAY_INCLUDE[folder])) or "nothing but itself"))
                if folder in MAY_INCLUDE and target == "tests":
                    yield Problem(path, line, "direction", f"the product must not include tests ({name})")
                if path.startswith("server/http/") and name.startswith("server/") and not name.startswith("server/http/"):
                    yield Problem(path, line, "direction", f"server/http/ knows nothing above it ({name})")
            if folder not in MAY_INCLUDE:
                continue
            for library, headers, allowed, instead in LIBRARIES:
                if re.fullmatch(headers, name):
                    includers[library].append((path, line))
                    if not re.fullmatch(allowed, path):
                        yield Problem(path, line, "library", f"{library} may not be included here; use {instead}")
    for library in ONE_INCLUDER:
        files = sorted({path for path, _ in includers[library]})
        for path in files[1:]:
            line = next(line for where, line in includers[library] if where == path)
            yield Problem(path, line, "library", f"{library} is wrapped in one file, and {files[0]} includes it already")


def check_words(tree):
    for path in tree.sources():
        text = tree.text(path)
        code = without_comments_and_strings(text)
        for pattern, allowed, instead in BANNED_WORDS:
            if allowed and re.fullmatch(allowed, path):
                continue
            for match in re.finditer(pattern, code):
                yield Problem(path, line_of(code, match.start()), "word", f"'{' '.join(match.group(0).split())}': {instead}")
        for match in re.finditer(r"\b(?:TODO(?!\(#\d+\))|FIXME|XXX)\b", text):
            yield Problem(path, line_of(text, match.start()), "word", f"'{match.group(0)}': finish it, or name the issue: TODO(#12)")


def check_names(tree):
    for path in tree.sources():
        stem = posixpath.splitext(posixpath.basename(path))[0]
        if BAD_FILE_NAME.search(stem):
            yield Problem(path, 1, "name", f"'{stem}' says nothing: name the file after the one thing that it holds")
        if not re.fullmatch(r"[a-z0-9_]+", stem):
            yield Problem(path, 1, "name", "file names are snake_case")


def comment_above(lines, index):
    """The comment that ends on the line before `index`, templates and attributes skipped."""
    found = []
    index -= 1
    while index >= 0 and re.match(r"\s*(template\b|requires\b|\[\[)", lines[index]):
        index -= 1
    while index >= 0 and lines[index].lstrip().startswith("//"):
        found.append(lines[index].strip().lstrip("/ "))
        index -= 1
    return " ".join(reversed(found))


def check_headers(tree):
    for path in tree.sources():
        if not path.endswith(".h"):
            continue
        text = tree.text(path)
        if not text.startswith("//"):
            yield Problem(path, 1, "header", "open with a comment: what this is, why it exists, what it is not for")
        if "#pragma once" not in text:
            yield Problem(path, 1, "header", "add #pragma once below the opening comment")
        if top(path) == "tests":
            continue
        lines = text.split("\n")
        for index, line in enumerate(lines):
            match = re.match(r"class (?:\[\[\w+\]\] )?(\w+)(?:<[^;{]*>)?(?: final)?(?:\s*[:{]|\s*$)", line)
            if match and not line.rstrip().endswith(";") and not THREAD_LINE.search(comment_above(lines, index)):
                yield Problem(path, index + 1, "header", f"end the comment above class {match.group(1)} with one of: Thread-safe. | "
                              "Immutable. | Not thread-safe: owned by <whom>.")


def table_rows(text):
    """(line, names) of each row of a README's `| file | holds |` table."""
    in_table = False
    for number, line in enumerate(text.split("\n"), 1):
        if re.match(r"\|\s*files?\s*\|", line, re.I):
            in_table = True
        elif in_table and line.startswith("|"):
            if not re.match(r"\|[\s:|-]+$", line):
                yield number, re.findall(r"`([^`]+)`", line.split("|")[1])
        else:
            in_table = False


def check_readmes(tree):
    folders = collections.defaultdict(set)
    for path in tree.files:
        folder, name = posixpath.split(path)
        if folder and name not in ("README.md", "CMakeLists.txt"):
            folders[folder].add(name)
    for folder, names in sorted(folders.items()):
        readme = f"{folder}/README.md"
        holds_sources = any(name.endswith((".cc", ".h")) for name in names)
        if readme not in tree.files:
            if holds_sources and top(folder) in MAY_INCLUDE:
                yield Problem(readme, 1, "readme", "the folder has no README.md: purpose, what belongs, what does not, table of files")
            continue
        text = tree.text(readme)
        rows = list(table_rows(text))
        if not rows:
            if holds_sources and top(folder) in MAY_INCLUDE:
                yield Problem(readme, 1, "readme", "add a table `| file | holds |` of the folder's files")
            continue
        prose = sum(1 for line in text.split("\n") if line.strip() and not line.startswith("|"))
        if prose > README_PROSE_LINES_MAX:
            yield Problem(readme, 1, "readme", f"{prose} lines of prose; keep it to {README_PROSE_LINES_MAX}")
        listed = set()
        for line, cells in rows:
            for cell in cells:
                if cell.endswith("/") or "/" in cell:
                    if not any(path.startswith(f"{folder}/{cell}") for path in tree.files):
                        yield Problem(readme, line, "readme", f"`{cell}` is not there: remove the row")
                    continue
                matched = {name for name in names if name == cell or name.rsplit(".", 1)[0] == cell}
                if not matched:
                    yield Problem(readme, line, "readme", f"`{cell}` is not there: remove the row")
                listed |= matched
        for name in sorted(names - listed):
            if not name.startswith("."):
                yield Problem(readme, 1, "readme", f"add a row for {name}")


def check_build(tree):
    in_cmake, used = set(), set()
    for path in tree.files:
        if posixpath.basename(path) == "CMakeLists.txt" or path.endswith(".cmake"):
            folder = posixpath.dirname(path)
            for name in re.findall(r"[^\s()\";]+\.(?:cc|h)\b", re.sub(r"#[^\n]*", "", tree.text(path))):
                for prefix in ("${CMAKE_SOURCE_DIR}/", "${PROJECT_SOURCE_DIR}/"):
                    if name.startswith(prefix):
                        in_cmake.add(name[len(prefix):])
                        break
                else:
                    name = name.removeprefix("${CMAKE_CURRENT_SOURCE_DIR}/")
                    in_cmake.add(posixpath.normpath(posixpath.join(folder, name)))
    for path in tree.sources():
        used |= {name for _, name, is_quoted in includes(tree.text(path)) if is_quoted}
    for path in tree.sources():
        if path.endswith(".cc") and path not in in_cmake:
            yield Problem(path, 1, "build", "no CMakeLists.txt lists it: add it to its folder's SOURCES, or delete it")
        if path.endswith(".h") and path not in used and path not in in_cmake:
            yield Problem(path, 1, "build", "nothing includes it: use it, or delete it")


def check_error_codes(tree):
    header, page = "base/error.h", "docs/reference/errors.md"
    if header not in tree.files:
        return
    match = re.search(r"enum class ErrorCode[^{]*\{([^}]*)\}", without_comments_and_strings(tree.text(header)))
    if not match:
        yield Problem(header, 1, "errors", "enum class ErrorCode is not here any more: teach scripts/check_tree.py where it is")
        return
    if page not in tree.files:
        yield Problem(page, 1, "errors", "the page is missing: one row per ErrorCode")
        return
    documented = set(re.findall(r"`([a-z_]+)`", tree.text(page)))
    for code in re.findall(r"[a-z_]+", match.group(1)):
        if code not in documented:
            yield Problem(page, 1, "errors", f"add a row for `{code}` (base/error.h)")


def check_clean(tree):
    for path in tree.files:
        if BUILD_OUTPUT.search(path):
            yield Problem(path, 1, "clean", "a build output or local data: remove it from git and add it to .gitignore")
            continue
        if posixpath.splitext(path)[1] not in TEXT_SUFFIXES or path.startswith("tests/fuzz/corpus/"):
            continue
        for number, line in enumerate(tree.text(path).split("\n"), 1):
            if "/" not in line:
                continue
            if MACHINE_PATHS.search(line):
                yield Problem(path, number, "clean", "a path of one machine: make it relative, or derive it")
            found = REGISTRY_HOST.search(line)
            if found and not REGISTRY_ALLOWED.match(found.group(0)):
                yield Problem(path, number, "clean", f"{found.group(0)}: name the package, not the host of a registry "
                              "(lock files: npm config set omit-lockfile-registry-resolved true)")


CHECKS = [check_includes, check_words, check_names, check_headers, check_readmes, check_build, check_error_codes, check_clean]


def problems(tree):
    return sorted({problem for check in CHECKS for problem in check(tree)})


def notes(tree):
    """Places to look, not verdicts."""
    for path in tree.sources():
        lines = tree.text(path).split("\n")
        limit = HEADER_LINES if path.endswith(".h") else SOURCE_LINES
        if len(lines) > limit:
            yield f"{path}: {len(lines)} lines (aim: {limit})"
        start = 0
        for number, line in enumerate(lines, 1):
            if len(line) > LINE_COLUMNS:
                yield f"{path}:{number}: {len(line)} columns (aim: {LINE_COLUMNS})"
            if re.match(r"[A-Za-z_].*[({]$|[A-Za-z_].*,$", line) and not line.startswith(("namespace", "class", "struct", "enum")):
                start = start or number
            if re.match(r"\}", line):
                if start and number - start > FUNCTION_LINES:
                    yield f"{path}:{start}: a function of {number - start} lines (aim: {FUNCTION_LINES})"
                start = 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--root", default=pathlib.Path(__file__).resolve().parent.parent, help="the tree (default: this one)")
    parser.add_argument("--notes", action="store_true", help="also print long files, functions and lines")
    options = parser.parse_args()
    tree = Tree(options.root)
    found = problems(tree)
    for problem in found:
        print(problem)
    if options.notes:
        for note in notes(tree):
            print("note:", note)
    print(f"{len(tree.files)} files, {len(found)} problem{'' if len(found) == 1 else 's'}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
