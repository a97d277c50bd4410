"""Build the tokenizer from CLIP's public merges: ``python -m models.training.tokenizer``.

CLIP's ids follow merge rank, so the first merges alone are a valid CLIP vocabulary whose ids equal
CLIP's; only the two special tokens move. 8,192 entries instead of 49,408 save 8 M parameters.
"""

from __future__ import annotations

import argparse
import gzip
import json
import subprocess
import sys
import zipfile
from pathlib import Path

VOCABULARY = 8192
LENGTH = 77
START, END = "<|startoftext|>", "<|endoftext|>"
PACKAGE = "open_clip_torch==3.3.0"  # its wheel contains OpenAI's table (MIT)
TABLE = "open_clip/bpe_simple_vocab_16e6.txt.gz"


def byte_symbols() -> list[str]:
    """CLIP's printable stand-ins for the 256 byte values, in id order."""
    printable = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [byte for byte in range(256) if byte not in printable]
    return [chr(byte) for byte in printable] + [chr(256 + i) for i in range(len(hidden))]


def read_merges(work: Path) -> list[str]:
    """All merges of CLIP, one "left right" string each, from the published wheel."""
    folder = work / "pip"
    wheels = list(folder.glob("open_clip_torch-*.whl"))
    if not wheels:
        subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", PACKAGE,
                        "-d", str(folder)], check=True)
        wheels = list(folder.glob("open_clip_torch-*.whl"))
    with zipfile.ZipFile(wheels[0]) as wheel:
        return gzip.decompress(wheel.read(TABLE)).decode().split("\n")[1:]


def build(work: Path, folder: Path) -> None:
    """Write vocab.json, merges.txt and the two configuration files of a CLIPTokenizer."""
    symbols = byte_symbols()
    merges = read_merges(work)[:VOCABULARY - 2 * len(symbols) - 2]
    tokens = symbols + [s + "</w>" for s in symbols] + ["".join(m.split()) for m in merges]
    tokens += [START, END]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.json").write_text(
        json.dumps({token: i for i, token in enumerate(tokens)}, ensure_ascii=False))
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n")

    def special(text: str) -> dict:
        return {"content": text, "lstrip": False, "normalized": True, "rstrip": False,
                "single_word": False}

    (folder / "special_tokens_map.json").write_text(json.dumps(
        {"bos_token": special(START), "eos_token": special(END), "pad_token": END,
         "unk_token": special(END)}, indent=2) + "\n")
    (folder / "tokenizer_config.json").write_text(json.dumps(
        {"add_prefix_space": False, "bos_token": START, "do_lower_case": True, "eos_token": END,
         "errors": "replace", "model_max_length": LENGTH, "pad_token": END,
         "tokenizer_class": "CLIPTokenizer", "unk_token": END}, indent=2) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("models/.work"))
    args = parser.parse_args()
    build(args.work, args.work / "tokenizer")


if __name__ == "__main__":
    main()
