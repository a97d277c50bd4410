"""Token ids against the CLIPTokenizer of transformers, with CLIP's whole vocabulary and with a cut one."""

from __future__ import annotations

import gzip
import json
import os
import pathlib
import random
import subprocess

import pytest
from transformers import CLIPTokenizer

from ..models.tokenizer import byte_symbols, make_tokenizer

ROOT = pathlib.Path(__file__).resolve().parents[3]
PROBE = ROOT / os.environ.get("PATCHBAY_BUILD", "build/release") / "bin" / "patchbay_tokenizer_probe"
TEXTS = [
    "a red apple on a blue plate", "", "   ", "A  photo\tof\na CAT", "it's the dog's, we'll see; they've I'm you'd",
    "1234567890 3.14 10x", "hello!!! ...?! (masterpiece:1.2), [low quality]", "naïve café déjà-vu Ångström ÉCOLE",
    "cafe\u0301 e\u0301", "日本語のテキスト 漢字", "Привет, мир", "مرحبا بالعالم", "🐱🐶 emoji 👩‍👩‍👧‍👦 👍🏽", "ﬁ ﬂ Ⅳ ½ ²",
    "İstanbul ß ẞ ǅ", "a\u00a0b\u2003c\u200bd", "<|startoftext|> and <|endoftext|> inside", "under_score snake_case",
    "supercalifragilisticexpialidocious" * 3, "'", "''s 's' S'S", "\u0300\u0301", "x" * 300,
]


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> CLIPTokenizer:
    """CLIP's own tokenizer from the merge list that the program uses."""
    folder = tmp_path_factory.mktemp("tokenizer")
    with gzip.open(os.environ["PATCHBAY_CLIP_VOCABULARY"], "rt", encoding="utf-8") as file:
        merges = file.read().split("\n")[1 : 49152 - 256 - 2 + 1]
    symbols = byte_symbols()
    tokens = symbols + [symbol + "</w>" for symbol in symbols] + [merge.replace(" ", "") for merge in merges]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({token: index for index, token in enumerate(tokens)}))
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n")
    return CLIPTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"))


def random_texts(count: int) -> list[str]:
    """Text from all over Unicode, without surrogates and unassigned planes."""
    generator = random.Random(0)
    ranges = [(0x20, 0x7F), (0xA0, 0x250), (0x300, 0x500), (0x600, 0x700), (0x900, 0x980), (0x2000, 0x2070),
              (0x3040, 0x3100), (0x4E00, 0x4F00), (0xAC00, 0xAD00), (0x1F300, 0x1F600)]
    return ["".join(chr(generator.randrange(*generator.choice(ranges))) for _ in range(generator.randrange(1, 40)))
            for _ in range(count)]


def ours(tokenizer: str | pathlib.Path, texts: list[str]) -> list[list[int]]:
    result = subprocess.run([PROBE, tokenizer, "transformers"], input=json.dumps(texts), capture_output=True, text=True,
                            check=False)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def check(tokenizer: str | pathlib.Path, reference: CLIPTokenizer, texts: list[str]) -> None:
    for text, ids in zip(texts, ours(tokenizer, texts), strict=True):
        assert ids == reference(text, add_special_tokens=False).input_ids, repr(text)


def test_chosen_texts(whole):
    check(os.environ["PATCHBAY_CLIP_VOCABULARY"], whole, TEXTS)


def test_random_texts(whole):
    check(os.environ["PATCHBAY_CLIP_VOCABULARY"], whole, random_texts(500))


@pytest.mark.parametrize("pad", ["<|endoftext|>", "!"])
def test_cut_vocabulary_in_a_folder(pad, tmp_path):
    reference = make_tokenizer(tmp_path / "tokenizer", pad=pad)
    check(tmp_path / "tokenizer", reference, TEXTS)
