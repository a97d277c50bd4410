"""Runs the project's tests and ends with the line "N passed, N failed".

Kinds: unit (GoogleTest, one executable a folder), parity (pytest, against the reference implementations),
fuzz (libFuzzer, a minute each). Without arguments: all.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / os.environ.get("PATCHBAY_BUILD", "build/release")
VOCABULARY = ROOT / ".venv/share/patchbay/bpe_simple_vocab_16e6.txt.gz"
# Each may hold a server with a model, a browser and the reference implementations in memory.
MOST_WORKERS = 4
FUZZ_SECONDS = int(os.environ.get("PATCHBAY_FUZZ_SECONDS", "60"))


@dataclass
class Tally:
    passed: int = 0
    failed: list[str] = field(default_factory=list)

    def check(self, name: str, succeeded: bool) -> None:
        if succeeded:
            self.passed += 1
        else:
            self.failed.append(name)


def run(command: list[str | os.PathLike[str]], **options) -> int:
    print("+", *command, flush=True)
    return subprocess.run(command, cwd=ROOT, check=False, **options).returncode


def run_unit(tally: Tally) -> None:
    results = BUILD / "test-results"
    for old in results.glob("*.json"):
        old.unlink()
    jobs = str(os.cpu_count() or 1)
    code = run(["ctest", "--test-dir", BUILD, "--output-on-failure", "-j", jobs])
    failures_seen = 0
    for file in sorted(results.glob("*.json")):
        for suite in json.loads(file.read_text())["testsuites"]:
            for case in suite["testsuite"]:
                if case.get("result") != "COMPLETED":
                    continue
                failed = bool(case.get("failures"))
                failures_seen += failed
                tally.check(f"{file.stem}: {suite['name']}.{case['name']}", not failed)
    # A test program that crashed or ran out of time has written no result for ctest's complaint.
    if code != 0 and failures_seen == 0:
        tally.failed.append("ctest: a test program crashed or was not found, see above")


def run_parity(tally: Tally) -> None:
    report = BUILD / "test-results" / "parity.xml"
    report.parent.mkdir(parents=True, exist_ok=True)
    report.unlink(missing_ok=True)
    environment = dict(os.environ, PATCHBAY_BUILD=str(BUILD), PATCHBAY_CLIP_VOCABULARY=str(VOCABULARY))
    # A file's tests stay in one process: they share what its fixtures built.
    workers = min(os.cpu_count() or 1, MOST_WORKERS)
    code = run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--numprocesses={workers}",
                "--dist=loadfile", f"--junit-xml={report}", "tests"], env=environment)
    if not report.exists():
        tally.failed.append("parity: pytest did not finish")
        return
    failures_seen = 0
    for case in ElementTree.parse(report).iter("testcase"):
        if case.find("skipped") is not None:
            continue
        failed = case.find("failure") is not None or case.find("error") is not None
        failures_seen += failed
        tally.check(f"{case.get('classname')}.{case.get('name')}", not failed)
    if code != 0 and failures_seen == 0:
        tally.failed.append(f"parity: pytest ended with exit code {code}")


def run_fuzz(tally: Tally) -> None:
    build = ROOT / "build/fuzz"
    configured = run(["cmake", "--preset", "fuzz"], stdout=subprocess.DEVNULL) == 0
    tally.check("fuzz: build", configured and run(["cmake", "--build", build, "--", "--quiet"]) == 0)
    for program in sorted((build / "fuzzers").glob("*")):
        corpus = build / "corpus" / program.name
        corpus.mkdir(parents=True, exist_ok=True)
        seeds = [path for path in sorted(ROOT.glob(f"tests/fuzz/**/corpus/{program.name}"))]
        tally.check(f"fuzz: {program.name}", run(
            [program, f"-max_total_time={FUZZ_SECONDS}", "-timeout=20", "-rss_limit_mb=3000",
             "-verbosity=0", "-print_final_stats=1", corpus, *seeds]) == 0)


KINDS = {"unit": run_unit, "parity": run_parity, "fuzz": run_fuzz}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kinds", nargs="*", metavar="|".join(KINDS))
    kinds = parser.parse_args().kinds or list(KINDS)
    unknown = [kind for kind in kinds if kind not in KINDS]
    if unknown:
        parser.error(f"unknown kind of test: {', '.join(unknown)}")
    if not (BUILD / "build.ninja").exists():
        if run(["cmake", "--preset", BUILD.name], stdout=subprocess.DEVNULL) != 0:
            print("0 passed, 1 failed")
            return 1
    tally = Tally()
    # Without its programs no test means anything.
    tally.check("build", run(["cmake", "--build", BUILD, "--", "--quiet"]) == 0)
    for kind in kinds if not tally.failed else []:
        started = time.monotonic()
        KINDS[kind](tally)
        print(f"-- {kind}: {time.monotonic() - started:.0f} s", flush=True)
    for name in tally.failed:
        print("FAILED", name)
    print(f"{tally.passed} passed, {len(tally.failed)} failed")
    return 1 if tally.failed or tally.passed == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
