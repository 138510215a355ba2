"""Tests of scripts/sum_tests.py on small result folders."""
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "scripts"))
import sum_tests  # noqa: E402


def ctest_case(name, status="run", output=""):
    return f'<testcase name="{name}" classname="{name}" status="{status}"><system-out>{output}</system-out></testcase>'


def gtest_file(*results):
    body = {"passed": '<testcase name="P{n}" status="run" result="completed" classname="S"/>',
            "failed": '<testcase name="F{n}" status="run" result="completed" classname="S"><failure/></testcase>',
            "skipped": '<testcase name="K{n}" status="run" result="skipped" classname="S"><skipped/></testcase>'}
    cases = "".join(body[result].format(n=number) for number, result in enumerate(results))
    return f"<testsuites><testsuite>{cases}</testsuite></testsuites>"


class SumTestsTest(unittest.TestCase):
    def line(self, cases, files=None):
        with tempfile.TemporaryDirectory() as folder:
            results = pathlib.Path(folder)
            (results / "ctest.junit").write_text(f"<testsuite>{''.join(cases)}</testsuite>")
            for name, text in (files or {}).items():
                (results / name).write_text(text)
            return sum_tests.summed(results).line()

    def test_counts_the_cases_inside_a_gtest_binary(self):
        self.assertEqual(self.line([ctest_case("unit_base")], {"unit_base.xml": gtest_file("passed", "passed")}),
                         "2 passed, 0 failed")

    def test_counts_failed_and_skipped_cases(self):
        self.assertEqual(self.line([ctest_case("unit_base", "fail")],
                                   {"unit_base.xml": gtest_file("passed", "failed", "skipped")}),
                         "1 passed, 1 failed, 1 skipped")

    def test_a_binary_that_dies_after_its_cases_is_a_failure(self):
        self.assertEqual(self.line([ctest_case("unit_base", "fail")], {"unit_base.xml": gtest_file("passed")}),
                         "1 passed, 1 failed")

    def test_a_binary_that_dies_without_a_file_is_a_failure(self):
        self.assertEqual(self.line([ctest_case("unit_base", "fail")]), "0 passed, 1 failed")

    def test_a_binary_that_died_while_writing_is_a_failure(self):
        self.assertEqual(self.line([ctest_case("unit_base", "fail")], {"unit_base.xml": "<testsuites><tests"}),
                         "0 passed, 1 failed")

    def test_cases_registered_one_by_one_count_once(self):
        self.assertEqual(self.line([ctest_case("S.P0"), ctest_case("S.P1")],
                                   {"unit.xml": gtest_file("passed", "passed")}), "2 passed, 0 failed")

    def test_a_binary_that_runs_twice_counts_both(self):
        self.assertEqual(self.line([ctest_case("unit")], {"unit.xml": gtest_file("passed"), "unit_1.xml": gtest_file("passed")}),
                         "2 passed, 0 failed")

    def test_reads_the_totals_of_unittest(self):
        self.assertEqual(self.line([ctest_case("py", output="Ran 7 tests in 0.1s\n\nOK (skipped=2)")]),
                         "5 passed, 0 failed, 2 skipped")
        self.assertEqual(self.line([ctest_case("py", "fail", "Ran 7 tests in 0.1s\n\nFAILED (failures=1, errors=1)")]),
                         "5 passed, 2 failed")

    def test_reads_the_totals_of_node(self):
        self.assertEqual(self.line([ctest_case("clients", output="# tests 4\n# pass 3\n# fail 0\n# cancelled 0\n# skipped 1\n")]),
                         "3 passed, 0 failed, 1 skipped")

    def test_any_other_case_counts_once(self):
        self.assertEqual(self.line([ctest_case("tree"), ctest_case("demo", "fail"), ctest_case("off", "notrun")]),
                         "1 passed, 1 failed, 1 skipped")


if __name__ == "__main__":
    unittest.main()
