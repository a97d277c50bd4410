"""`patchbay-plugin-manifest` beside a library that never returns from being loaded."""

import os
import pathlib
import signal
import subprocess
import sys
import time

from service.conftest import ROOT

PROGRAM = ROOT / os.environ.get("PATCHBAY_BUILD", "build/release") / "bin/patchbay-plugin-manifest"
HANGS = "#include <unistd.h>\n__attribute__((constructor)) static void hang(void) { for (;;) pause(); }\n"


def state_of(process: int) -> str:
    try:
        return pathlib.Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return "gone"


def test_ends_with_its_parent(tmp_path):
    (tmp_path / "hang.c").write_text(HANGS)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", tmp_path / "hang.so", tmp_path / "hang.c"], check=True)
    parent = subprocess.Popen([sys.executable, "-c", "import subprocess, sys\n"
                               "child = subprocess.Popen(sys.argv[1:])\nprint(child.pid, flush=True)\nchild.wait()",
                               PROGRAM, tmp_path / "hang.so", "-"], stdout=subprocess.PIPE, text=True)
    child = int(parent.stdout.readline())
    time.sleep(0.5)
    assert state_of(child) in "SR" and parent.poll() is None
    parent.send_signal(signal.SIGKILL)
    parent.wait(10)
    deadline = time.monotonic() + 10
    while state_of(child) not in ("gone", "Z") and time.monotonic() < deadline:
        time.sleep(0.05)
    assert state_of(child) in ("gone", "Z")
