"""A small CLIP tokenizer: the first merges of CLIP's own vocabulary, which keep their order."""

from __future__ import annotations

import gzip
import json
import os
import pathlib

from transformers import CLIPTokenizer

MERGES = 2000


def byte_symbols() -> list[str]:
    """CLIP's printable characters for the 256 bytes, in the vocabulary's order."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    symbols = [chr(byte) for byte in printable]
    return symbols + [chr(256 + index) for index in range(256 - len(printable))]


def make_tokenizer(folder: pathlib.Path, pad: str = "<|endoftext|>") -> CLIPTokenizer:
    """Writes vocab.json and merges.txt into `folder` and opens them. Needs PATCHBAY_CLIP_VOCABULARY."""
    with gzip.open(os.environ["PATCHBAY_CLIP_VOCABULARY"], "rt", encoding="utf-8") as file:
        merges = file.read().split("\n")[1 : 1 + MERGES]
    symbols = byte_symbols()
    tokens = symbols + [symbol + "</w>" for symbol in symbols] + [merge.replace(" ", "") for merge in merges]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.json").write_text(json.dumps({token: index for index, token in enumerate(tokens)}))
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n")
    special = {"bos_token": "<|startoftext|>", "eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>", "pad_token": pad}
    (folder / "special_tokens_map.json").write_text(json.dumps(special))
    (folder / "tokenizer_config.json").write_text(
        json.dumps({**special, "model_max_length": 77, "tokenizer_class": "CLIPTokenizer"}))
    return CLIPTokenizer.from_pretrained(folder)
