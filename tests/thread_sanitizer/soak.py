"""Swaps plugins while jobs run, under ThreadSanitizer; fails on any report of ours. See README.md."""

from __future__ import annotations

import argparse
import os
import pathlib
import subprocess
import sys
import tempfile

from reports import own_reports

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get("PATCHBAY_BUILD", "build/tsan")
VOCABULARY = ROOT / ".venv/share/patchbay/bpe_simple_vocab_16e6.txt.gz"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("swaps", type=int, nargs="?", default=1000)
    swaps = parser.parse_args().swaps
    annotations = BUILD / "tests/libpatchbay_abseil_annotations.so"
    if not annotations.exists():
        sys.exit(f"{annotations} is not there; ./dev soak builds it")
    with tempfile.TemporaryDirectory() as folder:
        environment = dict(os.environ, PATCHBAY_BUILD=str(BUILD), PATCHBAY_SWAPS=str(swaps), LD_PRELOAD=str(annotations),
                           OMP_NUM_THREADS="1", TSAN_OPTIONS=f"log_path={folder}/report history_size=4")
        environment.setdefault("PATCHBAY_CLIP_VOCABULARY", str(VOCABULARY))
        code = subprocess.run([sys.executable, "-m", "pytest", "-q", "-s", "-p", "no:cacheprovider",
                               "tests/service/test_plugin_swap.py", "-k", "swap_soak"], cwd=ROOT, env=environment,
                              check=False).returncode
        reports = [report for file in sorted(pathlib.Path(folder).iterdir())
                   for report in own_reports(file.read_text(errors="replace"))]
    print(*reports, sep="\n")
    print(f"{swaps} swaps, {len(reports)} reports of the sanitizer about this project's code")
    return 1 if code != 0 or reports else 0


if __name__ == "__main__":
    sys.exit(main())
