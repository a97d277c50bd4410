"""A server whose folder has a MoMA adapter: what it draws, what it refuses, and that it goes on."""

from __future__ import annotations

import pytest
import torch
from PIL import Image
from plugins.ip_adapter_files import EMBEDDING, TEXT_WIDTH
from plugins.moma_files import write_adapter
from safetensors.torch import load_file, save_file

from service.plugin_calls import draw, pixels
from service.test_ip_adapter import PHOTO, png

MASK = png(Image.linear_gradient("L").resize((24, 20)).point(lambda value: 255 * (value > 100)))


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "plugin-files"
    made.mkdir()
    write_adapter(made, with_encoder=False)
    return made


@pytest.fixture
def adapted(new_server, folder):
    return new_server().start("--plugin-files", folder)


def choice(server, **settings: object) -> dict:
    """Bytes are uploaded, anything else is given as a text."""
    given = {"image": PHOTO, "mask": MASK, "adapter": "moma.safetensors", **settings}
    return {"plugin_id": "moma", "settings": {
        field: {"artifact_id": server.upload(value).id} if isinstance(value, bytes) else {"typed_value": str(value)}
        for field, value in given.items() if value is not None}}


def test_strengths_draw_apart(adapted, api):
    def drawn(**settings: object) -> bytes:
        return pixels(adapted, draw(adapted, api, plugins=[choice(adapted, **settings)]))

    plain = pixels(adapted, draw(adapted, api))
    assert drawn(strength=0) == plain
    assert len({plain, drawn(), drawn(strength=0.4), drawn(strength=0.8)}) == 4
    assert drawn(mode="texture") == drawn(strength=0.4)


def test_the_report_says_what_is_missing(adapted, api):
    finished = draw(adapted, api, plugins=[choice(adapted)])
    warnings = " ".join(finished.report.warnings)
    assert "moma: there are neither tokens" in warnings and "no subject was named" in warnings


def test_a_long_prompt_is_quoted_whole_characters(adapted, api, folder):
    """Of three bytes each: the quotation ends within one."""
    save_file({"moma_embedding": torch.zeros(EMBEDDING)}, folder / "told.safetensors", {"prompt": "\u72ac" * 100})
    finished = draw(adapted, api, plugins=[choice(adapted, tokens="told.safetensors")])
    told = [warning for warning in finished.report.warnings if "another prompt" in warning]
    assert len(told) == 1 and "\u72ac" * 60 in told[0]


def test_bad_settings_fail_and_the_server_goes_on(adapted, api, folder):
    plain = pixels(adapted, draw(adapted, api))
    tensors = load_file(folder / "moma.safetensors")
    missing = "moma.attn.9.to_v_ip.weight"

    def changed(name: str, **changes: torch.Tensor) -> dict:
        save_file({key: tensor for key, tensor in {**tensors, **changes}.items() if tensor.numel()}, folder / name)
        return {"adapter": name}

    def tokens(name: str, shape: tuple[int, ...], key: str = "moma_embedding") -> dict:
        save_file({key: torch.zeros(shape)}, folder / name)
        return {"tokens": name}

    torch.save({"w": torch.ones(1)}, folder / "moma.th")
    first, other = "moma.attn.0.to_k_ip.weight", "moma.attn.8.to_k_ip.weight"
    for words, settings in [
            (["no picture"], {"image": None}), (["no adapter"], {"adapter": None}),
            (["mask", "empty"], {"mask": png(Image.new("L", (8, 8)))}),
            (["transparent"], {"mask": None, "image": png(Image.new("RGBA", (8, 8)))}),
            ([missing], changed("incomplete.safetensors", **{missing: torch.zeros(0)})),
            ([first, "64x64", "32x32"], changed("swapped.safetensors", **{first: tensors[other], other: tensors[first]})),
            (["features", "40"], changed("wide.safetensors", **{
                "moma.image_proj.norm.weight": torch.zeros(40), "moma.image_proj.norm.bias": torch.zeros(40),
                "moma.image_proj.proj.weight": torch.zeros(160, EMBEDDING), "moma.image_proj.proj.bias": torch.zeros(160)})),
            (["moma.th", "patchbay convert"], {"adapter": "moma.th"}),
            (["layers", "16 transformers"], {"layers": "1/1"}),
            (["moma_embedding", "3", f"4x{TEXT_WIDTH}"], tokens("three.safetensors", (3,))),
            (["no tensor", "moma_embedding"], tokens("other.safetensors", (EMBEDDING,), "embedding"))]:
        failed = adapted.finish(adapted.create(plugins=[choice(adapted, **settings)]).id)
        assert failed.state == api.GENERATION_STATE_FAILED, words
        assert all(word in failed.error.message for word in ["moma", *words]), failed.error.message
        assert pixels(adapted, draw(adapted, api)) == plain
    assert pixels(adapted, draw(adapted, api, plugins=[choice(adapted)])) != plain
    white = draw(adapted, api, plugins=[choice(adapted, mask=png(Image.new("L", (8, 8), 255)))])
    assert any("white all over" in warning for warning in white.report.warnings)
