"""Download the art sets from the npm registry: ``python -m models.data.fetch --work DIR``."""

from __future__ import annotations

import argparse
import subprocess
import tarfile
from pathlib import Path

from models.data.sources import SOURCES


def package_dir(work: Path, package: str) -> Path:
    """Folder a package is unpacked to."""
    return work / "npm" / package.strip("@").replace("/", "-")


def fetch(work: Path) -> None:
    """Fetch and unpack every package that is not there yet, at its pinned version."""
    for source in SOURCES:
        target = package_dir(work, source.package)
        if (target / "package.json").exists():
            continue
        target.mkdir(parents=True, exist_ok=True)
        packed = subprocess.run(
            ["npm", "pack", "--silent", f"{source.package}@{source.version}"],
            cwd=target.parent, check=True, capture_output=True, text=True).stdout.split()[-1]
        with tarfile.open(target.parent / packed) as archive:
            for member in archive.getmembers():
                member.name = member.name.partition("/")[2]  # drop npm's "package/" level
                if member.name:
                    archive.extract(member, target, filter="data")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("models/.work"))
    fetch(parser.parse_args().work)


if __name__ == "__main__":
    main()
