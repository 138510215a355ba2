"""Tests of scripts/check_tree.py: for each rule a small tree that breaks it, and the message that names the place."""
import pathlib
import subprocess
import sys
import tempfile
import textwrap
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "scripts"))
import check_tree  # noqa: E402

README = "# base\n\nWords.\n\n| file | holds |\n|---|---|\n| `thing` | the thing |\n"
HEADER = "// What it is.\n#pragma once\n"


def good_tree():
    return {
        "base/README.md": README,
        "base/CMakeLists.txt": "weir_library(base SOURCES thing.cc)\n",
        "base/thing.h": HEADER + "// Thread-safe.\nclass Thing {\n};\n",
        "base/thing.cc": '#include "base/thing.h"\n',
    }


class CheckTreeTest(unittest.TestCase):
    def problems(self, changes, prepare=None):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            for name, text in (good_tree() | changes).items():
                if text is not None:
                    (root / name).parent.mkdir(parents=True, exist_ok=True)
                    (root / name).write_text(textwrap.dedent(text), encoding="utf-8")
            if prepare:
                prepare(root)
            return [str(problem) for problem in check_tree.problems(check_tree.Tree(root))]

    def assert_one(self, changes, start, *words):
        found = self.problems(changes)
        self.assertEqual(len(found), 1, found)
        self.assertTrue(found[0].startswith(start), found[0])
        for word in words:
            self.assertIn(word, found[0])

    def test_a_good_tree_has_no_problem(self):
        self.assertEqual(self.problems({}), [])

    def test_this_tree_can_be_read(self):
        self.assertGreater(len(check_tree.Tree(pathlib.Path(__file__).parents[2]).sources()), 10)

    # direction

    def test_base_must_not_include_the_store(self):
        self.assert_one({
            "store/README.md": README, "store/CMakeLists.txt": "thing.cc",
            "store/thing.h": HEADER, "store/thing.cc": '#include "store/thing.h"\n',
            "base/thing.cc": '#include "base/thing.h"\n#include "store/thing.h"\n',
        }, "base/thing.cc:2: direction:", "store/")

    def test_the_store_may_include_base(self):
        self.assertEqual(self.problems({
            "store/README.md": README, "store/CMakeLists.txt": "thing.cc",
            "store/thing.cc": '#include "base/thing.h"\n',
        }), [])

    def test_the_connection_layer_knows_nothing_above_it(self):
        row = README.replace("thing", "gate")
        self.assert_one({
            "server/README.md": row, "server/CMakeLists.txt": "http/thing.cc",
            "server/gate.h": HEADER,
            "server/http/README.md": README, "server/http/thing.cc": '#include "server/gate.h"\n',
        }, "server/http/thing.cc:1: direction:")

    def test_an_include_is_a_path_from_the_root(self):
        self.assert_one({"base/thing.cc": '#include "base/thing.h"\n#include "thing.h"\n'}, "base/thing.cc:2: direction:")

    # library

    def test_a_library_is_included_only_by_its_wrapper(self):
        self.assert_one({"base/thing.cc": '#include "base/thing.h"\n#include <curl/curl.h>\n'},
                        "base/thing.cc:2: library: libcurl", "egress/http_client.h")

    def test_a_wrapper_is_one_file(self):
        rows = "# tools\n\n| file | holds |\n|---|---|\n| `one`, `two` | it |\n"
        self.assert_one({
            "tools/README.md": rows, "tools/CMakeLists.txt": "one.cc two.cc",
            "tools/one.cc": "#include <valijson/validator.hpp>\n", "tools/two.cc": "#include <valijson/validator.hpp>\n",
        }, "tools/two.cc:1: library: valijson", "tools/one.cc")

    # word

    def test_banned_words_are_refused_in_code(self):
        for code in ("t.detach();", "std::this_thread::sleep_for(x);", "try { f(); } catch (...) {}",
                     "try { f(); } catch (...) { /* no */ }", "class JobManager {};", "std::cout << 1;", "int x = rand();",
                     "std::thread t(f);"):
            with self.subTest(code):
                self.assert_one({"base/thing.cc": '#include "base/thing.h"\n\n' + code + "\n"}, "base/thing.cc:3: word:")

    def test_banned_words_are_free_in_comments_and_strings(self):
        self.assertEqual(self.problems({"base/thing.cc": '''\
            #include "base/thing.h"
            // never detach() a thread, nor sleep_for(...)
            const char* a = "std::cout << rand()";
            const char* b = R"(x.detach())";
            int operand(int);
            '''}), [])

    def test_a_literal_does_not_hide_what_follows_it(self):
        self.assert_one({"base/thing.cc": '#include "base/thing.h"\nchar c = \'"\'; int n = 1\'000; x.detach();\n'},
                        "base/thing.cc:2: word:")

    def test_a_todo_names_its_issue(self):
        self.assert_one({"base/thing.cc": '#include "base/thing.h"\n// TODO: later\n'}, "base/thing.cc:2: word:")
        self.assertEqual(self.problems({"base/thing.cc": '#include "base/thing.h"\n// TODO(#12): later\n'}), [])

    # name

    def test_a_drawer_is_no_file_name(self):
        self.assert_one({
            "base/README.md": README.replace("`thing`", "`thing`, `string_util.h`"),
            "base/string_util.h": HEADER,
            "base/thing.cc": '#include "base/thing.h"\n#include "base/string_util.h"\n',
        }, "base/string_util.h:1: name:")

    # header

    def test_a_header_opens_with_a_comment(self):
        self.assert_one({"base/thing.h": "#pragma once\n"}, "base/thing.h:1: header:")

    def test_a_class_says_what_threads_may_do(self):
        self.assert_one({"base/thing.h": HEADER + "// A thing.\nclass Thing {\n};\n"}, "base/thing.h:4: header:", "Thing")

    def test_a_template_and_a_forward_declaration_are_understood(self):
        self.assertEqual(self.problems({
            "base/thing.h": HEADER + "class Other;\n// Immutable.\ntemplate <typename T>\nclass Thing final : public Base {\n};\n",
        }), [])

    # readme

    def test_a_folder_of_sources_has_a_readme(self):
        self.assert_one({"base/README.md": None}, "base/README.md:1: readme:")

    def test_a_readme_names_every_file(self):
        self.assert_one({"base/more.h": HEADER, "base/thing.cc": '#include "base/thing.h"\n#include "base/more.h"\n'},
                        "base/README.md:1: readme:", "more.h")

    def test_a_readme_names_no_file_that_is_gone(self):
        self.assert_one({"base/README.md": README + "| `gone` | nothing |\n"}, "base/README.md:8: readme:", "gone")

    # build

    def test_a_source_is_in_cmake(self):
        self.assert_one({"base/CMakeLists.txt": "weir_library(base SOURCES)\n# thing.cc\n"}, "base/thing.cc:1: build:")

    def test_cmake_may_list_a_source_from_a_parent_folder(self):
        self.assertEqual(self.problems({"base/CMakeLists.txt": None, "CMakeLists.txt": "${CMAKE_SOURCE_DIR}/base/thing.cc"}), [])

    def test_a_header_is_used(self):
        self.assert_one({"base/thing.cc": "int x;\n"}, "base/thing.h:1: build:")

    # errors

    def test_every_error_code_is_documented(self):
        changes = {
            "base/README.md": README.replace("`thing`", "`thing`, `error.h`"),
            "base/error.h": HEADER + "enum class ErrorCode : int {\n  not_found,\n  internal,  // ours\n};\n",
            "base/thing.cc": '#include "base/thing.h"\n#include "base/error.h"\n',
        }
        self.assert_one(changes, "docs/reference/errors.md:1: errors:", "missing")
        changes["docs/reference/errors.md"] = "| `not_found` | 404 |\n"
        self.assert_one(changes, "docs/reference/errors.md:1: errors:", "`internal`")
        changes["docs/reference/errors.md"] += "| `internal` | 500 |\n"
        self.assertEqual(self.problems(changes), [])

    # clean

    def test_no_path_of_one_machine(self):
        self.assert_one({"docs/a.md": "see /" + "work/main\n"}, "docs/a.md:1: clean:")

    def test_no_host_of_a_registry(self):
        host = "https://" + "registry.npmjs.org"
        self.assert_one({"package-lock.json": f'{{"resolved": "{host}/x.tgz"}}\n'}, "package-lock.json:1: clean:", host)

    def test_no_build_output(self):
        self.assert_one({"tests/clients/node_modules/x/index.js": "1\n"}, "tests/clients/node_modules/x/index.js:1: clean:")

    # the listing

    def test_ignored_files_are_not_read_and_untracked_ones_are(self):
        def prepare(root):
            subprocess.run(["git", "init", "-q", str(root)], check=True)
            (root / ".gitignore").write_text("/build/\n")
            (root / "build").mkdir()
            (root / "build/x.cc").write_text("t.detach();\n")
        self.assertEqual(self.problems({}, prepare), [])

        def prepare_untracked(root):
            prepare(root)
            (root / "base/new.cc").write_text("int y;\n")
        self.assertEqual(len(self.problems({}, prepare_untracked)), 2)


if __name__ == "__main__":
    unittest.main()
