#!/usr/bin/env python3
"""Adds up the cases of a test run: sum_tests.py RESULTS prints "N passed, N failed[, N skipped]".

RESULTS holds ctest.junit (one entry per CTest case) and one XML file per GoogleTest binary. A CTest case that is a
GoogleTest binary counts by its cases; Python unittest and `node --test` by the totals that they print; any other
case counts once. A binary that died, leaked or timed out although its cases passed counts as one failure more.
"""
import pathlib
import re
import sys
import xml.etree.ElementTree as ElementTree


class Sum:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def add(self, passed, failed, skipped):
        self.passed += passed
        self.failed += failed
        self.skipped += skipped

    def line(self):
        text = f"{self.passed} passed, {self.failed} failed"
        return text + (f", {self.skipped} skipped" if self.skipped else "")


def gtest_counts(path):
    """(passed, failed, skipped) and the names of the cases; None if the binary died while writing."""
    try:
        root = ElementTree.parse(path).getroot()
    except ElementTree.ParseError:
        return None
    passed = failed = skipped = 0
    names = set()
    for case in root.iter("testcase"):
        names.add(f"{case.get('classname')}.{case.get('name')}")
        if case.get("status") == "notrun":
            continue
        if case.find("failure") is not None:
            failed += 1
        elif case.get("result") == "skipped" or case.find("skipped") is not None:
            skipped += 1
        else:
            passed += 1
    return (passed, failed, skipped), names


def printed_counts(output):
    """Totals that a test runner of another language printed, or None."""
    unittest = re.search(r"^Ran (\d+) tests? in ", output, re.M)
    if unittest:
        def number(word):
            found = re.search(rf"\b{word}=(\d+)", output)
            return int(found.group(1)) if found else 0
        failed = number("failures") + number("errors")
        skipped = number("skipped")
        return int(unittest.group(1)) - failed - skipped, failed, skipped
    node = {word: int(count) for word, count in
            re.findall(r"^(?:#|ℹ) (pass|fail|cancelled|skipped) (\d+)\s*$", output, re.M)}
    if "pass" in node and "fail" in node:
        return node["pass"], node["fail"] + node.get("cancelled", 0), node.get("skipped", 0)
    return None


def summed(results):
    total = Sum()
    binaries, case_names = {}, set()
    for path in sorted(results.glob("*.xml")):
        counts = gtest_counts(path)
        if counts is None:
            continue
        # A binary that runs several times leaves name.xml, name_1.xml, ...
        name = re.sub(r"_\d+$", "", path.stem)
        binaries.setdefault(name, Sum()).add(*counts[0])
        case_names |= counts[1]
    for count in binaries.values():
        total.add(count.passed, count.failed, count.skipped)

    for case in ElementTree.parse(results / "ctest.junit").getroot().iter("testcase"):
        name, status = case.get("name"), case.get("status")
        if name in case_names:
            continue  # one CTest case per GoogleTest case: counted above
        if name in binaries:
            if status == "fail" and binaries[name].failed == 0:
                total.add(0, 1, 0)
            continue
        printed = printed_counts(case.findtext("system-out") or "")
        if printed:
            total.add(*printed)
            if status == "fail" and printed[1] == 0:
                total.add(0, 1, 0)
        elif status == "fail":
            total.add(0, 1, 0)
        elif status in ("notrun", "disabled"):
            total.add(0, 0, 1)
        else:
            total.add(1, 0, 0)
    return total


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: sum_tests.py RESULTS")
    print(summed(pathlib.Path(sys.argv[1])).line())
