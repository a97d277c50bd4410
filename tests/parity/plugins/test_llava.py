"""MoMA's action describe beside transformers' LlavaForConditionalGeneration, with the tokenizers of Hugging Face and
SentencePiece."""

from __future__ import annotations

import json

import pytest
import torch
from safetensors.torch import load_file

from ..pipeline import reference
from .ip_adapter import differs
from .llava import as_integers, in_original_names, last_state, make_llava, use_sentencepiece
from .moma import SMALL, spelling, theirs

PROMPTS = ["a dog at the sea", "", " two  spaces   and one behind ", "dog", "Caf\u00e9 \u65e5\u672c\u8a9e \U0001f436\U0001f3fd",
           "tab\tnew\nline", "\u2581 as itself", "e\u0301 combining, \u200b nothing", "<0x41> <unK> {}[]\\\"'", "a" * 300 + " dog" * 40]


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def describe(model, program, moma_subject, tmp_path):
    """describe(folder, prompt) is the path of a tokens' file for the picture of moma_subject."""
    _, _, given = moma_subject

    def run(folder, prompt: str, subject: str = "dog"):
        made = tmp_path / "made"
        done = program.run("plugin", "action", "moma", "describe", "--model", model("sd1"), "-o", made,
                           f"--image={given['image']}", f"--mask={given['mask']}", f"--subject={subject}",
                           f"--prompt={prompt}", f"--llava={folder / 'config.json'}")
        assert done.returncode == 0, done.stderr
        return made / "tokens.safetensors"

    return run


def test_states_and_tokens(describe, moma_subject, tmp_path, agree):
    picture, mask, _ = moma_subject
    folder = tmp_path / "llava"
    reference_model = make_llava(folder)
    seen = []
    for prompt in PROMPTS:
        ours = load_file(describe(folder, prompt))["moma_embedding"]
        agree(f"LLaVA, {prompt[:30]!r}", ours, last_state(reference_model, folder, picture, mask, "dog", prompt))
        assert all(differs(ours, other) for other in seen), prompt
        seen.append(ours)


@pytest.mark.parametrize("key_heads, dtype", [(1, torch.bfloat16), (4, torch.float16)])
def test_other_files(key_heads, dtype, describe, moma_subject, tmp_path, agree):
    """Stored in half of the bytes, with one pair of keys and values for all queries or for each, and in the authors' names."""
    picture, mask, _ = moma_subject
    folder, original = tmp_path / "llava", tmp_path / "original"
    reference_model = make_llava(folder, key_heads, dtype)
    wanted = last_state(reference_model, folder, picture, mask, "red apple", "a table")
    agree(f"LLaVA, {key_heads} pairs, {dtype}", load_file(describe(folder, "a table", "red apple"))["moma_embedding"], wanted)
    # The tower's heads and activation are in no file of theirs: those of OpenAI's width.
    reference_model.config.vision_config.num_attention_heads = 1
    for layer in reference_model.model.vision_tower.modules():
        if hasattr(layer, "num_heads"):
            layer.num_heads, layer.head_dim, layer.scale = 1, 64, 64**-0.5
    in_original_names(folder, original)
    wanted = last_state(reference_model, original, picture, mask, "red apple", "a table")
    agree(f"LLaVA, {dtype}, the authors' names", load_file(describe(original, "a table", "red apple"))["moma_embedding"], wanted)


def test_integers(describe, moma_subject, tmp_path, agree):
    picture, mask, _ = moma_subject
    folder = tmp_path / "llava"
    reference_model = make_llava(folder)
    before = last_state(reference_model, folder, picture, mask, "dog", PROMPTS[0])
    as_integers(folder, reference_model)
    wanted = last_state(reference_model, folder, picture, mask, "dog", PROMPTS[0])
    assert differs(wanted, before)
    agree("LLaVA, int8", load_file(describe(folder, PROMPTS[0]))["moma_embedding"], wanted)


def test_metaspace(describe, moma_subject, tmp_path, agree):
    """As newer files spell the same tokenizer."""
    picture, mask, _ = moma_subject
    folder = tmp_path / "llava"
    reference_model = make_llava(folder)
    stored = json.loads((folder / "tokenizer.json").read_text())
    for split in (False, True):
        stored |= {"normalizer": None, "pre_tokenizer": {
            "type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "always", "split": split}}
        (folder / "tokenizer.json").write_text(json.dumps(stored))
        for prompt in PROMPTS[:5]:
            agree(f"LLaVA, Metaspace, split {split}", load_file(describe(folder, prompt))["moma_embedding"],
                  last_state(reference_model, folder, picture, mask, "dog", prompt))


def test_sentencepiece(describe, moma_subject, tmp_path, agree):
    """As the LLaVA authors' folders have it."""
    picture, mask, _ = moma_subject
    folder = tmp_path / "llava"
    reference_model = make_llava(folder)
    before = last_state(reference_model, folder, picture, mask, "dog", PROMPTS[0])
    use_sentencepiece(folder)
    assert differs(last_state(reference_model, folder, picture, mask, "dog", PROMPTS[0]), before)
    for prompt in PROMPTS:
        agree(f"LLaVA, SentencePiece, {prompt[:30]!r}", load_file(describe(folder, prompt))["moma_embedding"],
              last_state(reference_model, folder, picture, mask, "dog", prompt))


def test_what_it_makes_is_drawn_with(describe, model, moma_adapter, moma_subject, program, tmp_path, agree):
    picture, mask, given = moma_subject
    folder = tmp_path / "llava"
    state = last_state(make_llava(folder), folder, picture, mask, given["subject"], reference.PROMPT)
    tokens = describe(folder, reference.PROMPT, given["subject"])
    ours, report = program.generate(model("sd1"), reference.PROMPT, *SMALL, "--guidance", 7.5,
                                    *spelling(**given, adapter=moma_adapter(), tokens=tokens))
    agree("MoMA, with LLaVA's state", ours, theirs(model("sd1"), load_file(moma_adapter()), picture, mask, state))
    assert not any("prompt" in warning for warning in report["warnings"]), report
