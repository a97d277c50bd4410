"""LoRAs merged by the program against diffusers and PEFT, and against the published formulas.

Plain LoRAs, Tucker cores of PEFT's making and DoRA are compared with what PEFT merges into the same small
random model, live. LoHa, LoKr and LyCORIS' Tucker form are compared with formulas written here in numpy,
element by element as the papers state them (arXiv:2108.06098, arXiv:2309.14859), not with a library.
"""

from __future__ import annotations

import json
import os
import pathlib
import subprocess

import numpy as np
import peft
import pytest
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from peft.utils import get_peft_model_state_dict
from safetensors.torch import load_file, save_file
from transformers import CLIPTextConfig, CLIPTextModel

ROOT = pathlib.Path(__file__).resolve().parents[3]
PROBE = ROOT / os.environ.get("PATCHBAY_BUILD", "build/release") / "bin" / "patchbay_lora_probe"
QUERY = "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q"
CONV = "down_blocks.0.resnets.0.conv1"
# The same two modules and a text layer as kohya's files spell them.
FLAT_QUERY = "lora_unet_" + QUERY.replace(".", "_")
FLAT_CONV = "lora_unet_" + CONV.replace(".", "_")
LDM_CONV = "lora_unet_input_blocks_1_0_in_layers_2"
LDM_QUERY = "lora_unet_input_blocks_1_1_transformer_blocks_0_attn1_to_q"
TEXT = "encoder.layers.1.self_attn.q_proj"
FLAT_TEXT = "lora_te_text_model_" + TEXT.replace(".", "_")


def make_unet() -> UNet2DConditionModel:
    torch.manual_seed(0)
    return UNet2DConditionModel(
        sample_size=8, layers_per_block=1, block_out_channels=(32, 64), norm_num_groups=8,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"), cross_attention_dim=64,
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"), attention_head_dim=4)


def make_text_encoder() -> CLIPTextModel:
    torch.manual_seed(1)
    return CLIPTextModel(CLIPTextConfig(
        vocab_size=64, hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=2,
        max_position_embeddings=77, bos_token_id=62, eos_token_id=63, pad_token_id=63))


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("model")
    make_unet().save_pretrained(folder / "unet")
    make_text_encoder().save_pretrained(folder / "text_encoder")
    AutoencoderKL(block_out_channels=(32,), norm_num_groups=8).save_pretrained(folder / "vae")
    (folder / "model_index.json").write_text(json.dumps({
        "_class_name": "StableDiffusionPipeline", "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"], "text_encoder": ["transformers", "CLIPTextModel"]}))
    return folder


def run(model: pathlib.Path, folder: pathlib.Path, *loras: tuple) -> subprocess.CompletedProcess:
    out = folder / "dump"
    out.mkdir(exist_ok=True)
    arguments = [f"{path}:{unet}:{text}" for path, unet, text in loras]
    return subprocess.run([PROBE, model, out, *arguments], capture_output=True, text=True, check=False)


def merged(model: pathlib.Path, folder: pathlib.Path, *loras: tuple) -> tuple[dict, dict, dict]:
    result = run(model, folder, *loras)
    assert result.returncode == 0, result.stderr
    text = {name.removeprefix("text_model."): value
            for name, value in load_file(folder / "dump/text_0.safetensors").items()}
    return json.loads(result.stdout), load_file(folder / "dump/unet.safetensors"), text


def save(folder: pathlib.Path, tensors: dict, name: str = "lora.safetensors", **metadata) -> pathlib.Path:
    save_file({key: value.contiguous() for key, value in tensors.items()}, folder / name,
              metadata=metadata or None)
    return folder / name


def compare(ours: dict, theirs: dict, original: dict) -> None:
    """Every tensor agrees to 1e-5, and some differ from the model without LoRA by far more."""
    effect = 0.0
    for name, value in theirs.items():
        scale = value.abs().max().clamp_min(1e-6)
        assert (ours[name] - value).abs().max() / scale < 1e-5, name
        effect = max(effect, float((value - original[name]).abs().max() / scale))
    assert sorted(ours) == sorted(theirs) and effect > 1e-2


def adapt(network: torch.nn.Module, targets: list[str], seed: int = 5, **options) -> torch.nn.Module:
    torch.manual_seed(seed)
    config = peft.LoraConfig(**{"r": 4, "lora_alpha": 8, "init_lora_weights": False,
                                "target_modules": targets, **options})
    adapted = peft.get_peft_model(network, config)
    for name, parameter in adapted.named_parameters():
        if "lora_A" in name or "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.2)
        if "magnitude" in name:
            parameter.data *= torch.rand_like(parameter) + 0.5
    return adapted


def merge(adapted: torch.nn.Module, weight: float = 1.0) -> dict:
    for module in adapted.modules():
        if hasattr(module, "scaling") and hasattr(module, "lora_A"):
            module.scale_layer(weight)
    return adapted.merge_and_unload().state_dict()


UNET_TARGETS = ["to_q", "to_k", "to_v", "to_out.0", "proj_in", "ff.net.0.proj", "conv1", "conv2",
                "conv_shortcut", "downsamplers.0.conv", "upsamplers.0.conv", "time_emb_proj"]


def spell(state: dict, dialect: str, component: str) -> dict:
    """PEFT's names (base_model.model.PATH.lora_A.weight) in other programs' spelling."""
    out = {}
    for key, value in state.items():
        path, role = key.removeprefix("base_model.model.").rsplit(".lora_", 1)
        down = role.startswith("A")
        if dialect == "peft":
            out[key] = value
        elif dialect == "peft adapter":
            out[key.replace(".weight", ".default.weight")] = value
        elif dialect == "diffusers peft":
            out[f"{component}.{path}.lora_{role}"] = value
        elif dialect == "diffusers":
            out[f"{component}.{path}.lora.{'down' if down else 'up'}.weight"] = value
        elif dialect == "diffusers 0.20":
            head, layer = path.removesuffix(".0").rsplit(".", 1)
            out[f"{component}.{head}.processor.{layer}_lora.{'down' if down else 'up'}.weight"] = value
        elif dialect == "twice":
            out[f"lora_unet_unet_{path.replace('.', '_')}_lora_{'down' if down else 'up'}.weight"] = value
        else:
            stem = ("lora_unet_" if component == "unet" else "lora_te_text_model_") + path.replace(".", "_")
            out[f"{stem}.lora_{'down' if down else 'up'}.weight"] = value
            out[f"{stem}.alpha"] = torch.tensor(8.0)
    return out


@pytest.mark.parametrize("dialect", ["kohya", "diffusers", "diffusers peft", "peft", "peft adapter",
                                     "diffusers 0.20", "twice"])
@pytest.mark.parametrize("weight", [1.0, -0.35])
def test_unet_against_peft(model, tmp_path, dialect, weight):
    targets = UNET_TARGETS if dialect not in ("diffusers 0.20",) else ["to_q", "to_k", "to_v", "to_out.0"]
    # Without alpha in the file the strength is up times down alone.
    adapted = adapt(make_unet(), targets, lora_alpha=8 if dialect == "kohya" else 4)
    path = save(tmp_path, spell(get_peft_model_state_dict(adapted), dialect, "unet"))
    report, unet, _ = merged(model, tmp_path, (path, weight, 0))
    compare(unet, merge(adapted, weight), make_unet().state_dict())
    assert report["warnings"] == []
    assert report["branches"]["error"] < 1e-5 < 1e-2 < report["branches"]["effect"]


def test_text_encoder_against_peft(model, tmp_path):
    targets = ["q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2"]
    for dialect in ("kohya", "diffusers peft"):
        adapted = adapt(make_text_encoder(), targets, lora_alpha=8 if dialect == "kohya" else 4)
        path = save(tmp_path, spell(get_peft_model_state_dict(adapted), dialect, "text_encoder"))
        report, unet, text = merged(model, tmp_path, (path, 0, 0.6))
        compare(text, merge(adapted, 0.6), make_text_encoder().state_dict())
        assert report["warnings"] == []
        assert all(torch.equal(unet[name], value) for name, value in make_unet().state_dict().items())


def test_the_file_that_diffusers_writes(model, tmp_path):
    """Saved and fused by diffusers itself, with the strength in the file's metadata."""
    network = make_unet()
    torch.manual_seed(3)
    network.add_adapter(peft.LoraConfig(r=4, lora_alpha=6, init_lora_weights=False,
                                        target_modules=UNET_TARGETS))
    network.save_lora_adapter(tmp_path, weight_name="raw.safetensors")
    from diffusers import StableDiffusionPipeline
    StableDiffusionPipeline.save_lora_weights(
        tmp_path, unet_lora_layers=get_peft_model_state_dict(network),
        unet_lora_adapter_metadata=network.peft_config["default"].to_dict())
    path = tmp_path / "pytorch_lora_weights.safetensors"
    _, unet, _ = merged(model, tmp_path, (path, 0.8, 0))
    fresh = make_unet()
    state, metadata = StableDiffusionPipeline.lora_state_dict(path, return_lora_metadata=True)[::2]
    StableDiffusionPipeline.load_lora_into_unet(state, None, fresh, metadata=metadata)
    fresh.fuse_lora(lora_scale=0.8)
    fresh.unload_lora()
    compare(unet, fresh.state_dict(), make_unet().state_dict())


# Named in full, by their end, and by a regular expression; of two keys that fit, the first counts.
ALPHAS = {"mid_block.attentions.0.transformer_blocks.0.attn1.to_q": 64, "attn2.to_v": 48,
          r"down_blocks\.\d+\.resnets\.[01]\.conv[12]": 2, r"^up_blocks.*to_(q|k)": 20, "attn1.to_q": 1,
          "up_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q": 99, "o_k": 77}
RANKS = {"attn1.to_v": 8, r".*\.conv1": 2}


def test_alphas_and_ranks_of_single_modules_in_diffusers_file(model, tmp_path):
    from diffusers import StableDiffusionPipeline
    from diffusers.training_utils import _collate_lora_metadata
    network = make_unet()
    torch.manual_seed(4)
    network.add_adapter(peft.LoraConfig(r=4, lora_alpha=6, init_lora_weights=False, target_modules=UNET_TARGETS,
                                        alpha_pattern=ALPHAS, rank_pattern=RANKS))
    StableDiffusionPipeline.save_lora_weights(
        tmp_path, unet_lora_layers=get_peft_model_state_dict(network), **_collate_lora_metadata({"unet": network}))
    path = tmp_path / "pytorch_lora_weights.safetensors"
    _, unet, _ = merged(model, tmp_path, (path, 0.8, 0))
    fresh = make_unet()
    state, metadata = StableDiffusionPipeline.lora_state_dict(path, return_lora_metadata=True)[::2]
    StableDiffusionPipeline.load_lora_into_unet(state, None, fresh, metadata=metadata)
    fresh.fuse_lora(lora_scale=0.8)
    fresh.unload_lora()
    compare(unet, fresh.state_dict(), make_unet().state_dict())


def test_alphas_and_ranks_of_single_modules_in_a_peft_folder(model, tmp_path):
    adapt(make_unet(), UNET_TARGETS, alpha_pattern=ALPHAS, rank_pattern=RANKS).save_pretrained(tmp_path)
    _, unet, _ = merged(model, tmp_path, (tmp_path / "adapter_model.safetensors", 1, 0))
    # As PEFT reads it again: it sorts the patterns when it saves them, and so changes which is the first.
    read = peft.PeftModel.from_pretrained(make_unet(), tmp_path)
    compare(unet, merge(read), make_unet().state_dict())


def test_a_pattern_that_is_no_expression_is_refused(model, tmp_path):
    adapt(make_unet(), ["to_q"]).save_pretrained(tmp_path)
    config = json.loads((tmp_path / "adapter_config.json").read_text())
    for pattern in ("(", "(a+", "a" * 5000):
        (tmp_path / "adapter_config.json").write_text(json.dumps(config | {"alpha_pattern": {pattern: 3}}))
        result = run(model, tmp_path, (tmp_path / "adapter_model.safetensors", 1, 0))
        assert result.returncode == 1 and "alpha_pattern" in result.stderr and pattern[:9] in result.stderr
    # One that takes a backtracking matcher for ever.
    (tmp_path / "adapter_config.json").write_text(json.dumps(config | {"alpha_pattern": {"(([a-z0-9_.]+)+)+X": 3}}))
    assert run(model, tmp_path, (tmp_path / "adapter_model.safetensors", 1, 0)).returncode == 0


@pytest.mark.parametrize("dialect", ["peft", "diffusers peft"])
def test_dora_against_peft(model, tmp_path, dialect):
    adapted = adapt(make_unet(), ["to_q", "to_k", "to_v", "conv1"], use_dora=True, lora_alpha=4)
    path = save(tmp_path, spell(get_peft_model_state_dict(adapted), dialect, "unet"))
    report, unet, _ = merged(model, tmp_path, (path, 1, 0))
    compare(unet, merge(adapted), make_unet().state_dict())
    assert "merge it" in report["branches"]["refused"]


def test_rslora_and_alpha_of_a_peft_folder(model, tmp_path):
    adapted = adapt(make_unet(), ["to_q", "conv1"], use_rslora=True, lora_alpha=3)
    adapted.save_pretrained(tmp_path)
    path = tmp_path / "adapter_model.safetensors"
    _, unet, _ = merged(model, tmp_path, (path, 1, 0))
    compare(unet, merge(adapted), make_unet().state_dict())


def test_several_with_weights(model, tmp_path):
    first = adapt(make_unet(), UNET_TARGETS, seed=1, lora_alpha=4)
    second = adapt(make_unet(), ["to_q", "to_v"], seed=2, lora_alpha=8)
    one = save(tmp_path, spell(get_peft_model_state_dict(first), "peft", "unet"), "one.safetensors")
    two = save(tmp_path, spell(get_peft_model_state_dict(second), "kohya", "unet"), "two.safetensors")
    _, unet, _ = merged(model, tmp_path, (one, 0.7, 1), (two, -0.4, 1))
    original = make_unet().state_dict()
    a, b = merge(first, 0.7), merge(second, -0.4)
    compare(unet, {name: a[name] + b[name] - value for name, value in original.items()}, original)


def kron(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Kronecker product over the first two axes; b may carry a kernel."""
    out = np.zeros((a.shape[0] * b.shape[0], a.shape[1] * b.shape[1], *b.shape[2:]))
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            out[i * b.shape[0]:(i + 1) * b.shape[0], j * b.shape[1]:(j + 1) * b.shape[1]] = a[i, j] * b
    return out


def tucker(core: np.ndarray, out: np.ndarray, into: np.ndarray) -> np.ndarray:
    """core [r, r, kh, kw], out [r, o], into [r, i]"""
    result = np.zeros((out.shape[1], into.shape[1], *core.shape[2:]))
    for a in range(core.shape[0]):
        for b in range(core.shape[1]):
            result += out[a][:, None, None, None] * into[b][None, :, None, None] * core[a, b]
    return result


def lycoris_cases() -> dict:
    """name -> (tensors by ending, expected change of the weight, module's spelling, path)"""
    random = np.random.default_rng(7)

    def draw(*shape):
        return random.normal(0, 0.3, shape).astype(np.float32)

    cases = {}
    a, b, c, d = draw(32, 4), draw(4, 32), draw(32, 4), draw(4, 32)
    cases["loha"] = ({"hada_w1_a": a, "hada_w1_b": b, "hada_w2_a": c, "hada_w2_b": d, "alpha": np.float32(2)},
                     (a @ b) * (c @ d) * 2 / 4, FLAT_QUERY, QUERY)
    b, d = draw(4, 32 * 9), draw(4, 32 * 9)
    cases["loha conv"] = ({"hada_w1_a": a, "hada_w1_b": b, "hada_w2_a": c, "hada_w2_b": d},
                          ((a @ b) * (c @ d)).reshape(32, 32, 3, 3), LDM_CONV, CONV)
    a, b, c, d = draw(4, 32), draw(4, 32), draw(4, 32), draw(4, 32)
    t, u = draw(4, 4, 3, 3), draw(4, 4, 3, 3)
    cases["loha tucker"] = ({"hada_t1": t, "hada_w1_a": a, "hada_w1_b": b, "hada_t2": u, "hada_w2_a": c,
                             "hada_w2_b": d, "alpha": np.float32(1)},
                            tucker(t, a, b) * tucker(u, c, d) / 4, FLAT_CONV, CONV)
    a, b = draw(4, 8), draw(8, 4)
    cases["lokr whole"] = ({"lokr_w1": a, "lokr_w2": b, "alpha": np.float32(3)}, kron(a, b), LDM_QUERY, QUERY)
    c, d = draw(8, 2), draw(2, 4)
    cases["lokr"] = ({"lokr_w1": a, "lokr_w2_a": c, "lokr_w2_b": d, "alpha": np.float32(3)},
                     kron(a, c @ d) * 3 / 2, FLAT_QUERY, QUERY)
    e, f = draw(4, 3), draw(3, 8)
    cases["lokr both"] = ({"lokr_w1_a": e, "lokr_w1_b": f, "lokr_w2": b, "alpha": np.float32(6)},
                          kron(e @ f, b) * 6 / 3, FLAT_QUERY, QUERY)
    t, c, d = draw(2, 2, 3, 3), draw(2, 8), draw(2, 4)
    cases["lokr tucker"] = ({"lokr_w1": a, "lokr_t2": t, "lokr_w2_a": c, "lokr_w2_b": d, "alpha": np.float32(1)},
                            kron(a, tucker(t, c, d)) / 2, FLAT_CONV, CONV)
    up, mid, down = draw(32, 4, 1, 1), draw(4, 4, 3, 3), draw(4, 32, 1, 1)
    cases["lora tucker"] = ({"lora_up.weight": up, "lora_mid.weight": mid, "lora_down.weight": down,
                             "alpha": np.float32(2)},
                            tucker(mid, up[:, :, 0, 0].T, down[:, :, 0, 0]) * 2 / 4, FLAT_CONV, CONV)
    whole = draw(32, 32)
    cases["whole difference"] = ({"diff": whole}, whole, FLAT_QUERY, QUERY)
    return cases


@pytest.mark.parametrize("case", lycoris_cases())
def test_lycoris_against_formulas(model, tmp_path, case):
    tensors, change, stem, path = lycoris_cases()[case]
    file = save(tmp_path, {f"{stem}.{name}": torch.tensor(value) for name, value in tensors.items()})
    report, unet, _ = merged(model, tmp_path, (file, 0.5, 1))
    original = make_unet().state_dict()
    expected = dict(original)
    expected[f"{path}.weight"] = original[f"{path}.weight"] + 0.5 * torch.tensor(change, dtype=torch.float32)
    compare(unet, expected, original)
    if case == "lora tucker":
        assert report["branches"]["error"] < 1e-5 < report["branches"]["effect"]


@pytest.mark.parametrize("axis", [0, 1])
def test_dora_scale_of_lycoris(model, tmp_path, axis):
    torch.manual_seed(2)
    up, down, scale = torch.randn(32, 4) * 0.2, torch.randn(4, 32) * 0.2, torch.rand(32) + 0.5
    file = save(tmp_path, {f"{FLAT_QUERY}.lora_up.weight": up, f"{FLAT_QUERY}.lora_down.weight": down,
                           f"{FLAT_QUERY}.dora_scale": scale[:, None] if axis == 0 else scale[None]})
    _, unet, _ = merged(model, tmp_path, (file, 0.5, 1))
    original = make_unet().state_dict()
    weight = original[f"{QUERY}.weight"].double()
    moved = weight + up.double() @ down.double()
    length = moved.square().sum(1 - axis, keepdim=True).sqrt()
    turned = moved / length * (scale[:, None] if axis == 0 else scale[None])
    expected = original | {f"{QUERY}.weight": (weight + 0.5 * (turned - weight)).float()}
    compare(unet, expected, original)


def low_rank(stem: str, out: int, into: int) -> dict:
    return {f"{stem}.lora_up.weight": torch.randn(out, 4), f"{stem}.lora_down.weight": torch.randn(4, into)}


def test_another_family_is_refused_with_both_shapes(model, tmp_path):
    path = save(tmp_path, low_rank(LDM_QUERY, 320, 320))
    message = run(model, tmp_path, (path, 1, 1)).stderr
    assert "[320, 320]" in message and "[32, 32]" in message and "sd1" in message and QUERY in message
    path = save(tmp_path, low_rank("lora_transformer_single_transformer_blocks_0_attn_to_q", 32, 32))
    assert "fits no module" in run(model, tmp_path, (path, 1, 1)).stderr


def test_what_is_not_understood_is_listed(model, tmp_path):
    tensors = low_rank(FLAT_QUERY, 32, 32) | low_rank("lora_te2_text_model_encoder_layers_0_mlp_fc1", 128, 64)
    tensors[f"{FLAT_QUERY}.oft_blocks"] = torch.ones(1)
    path = save(tmp_path, tensors)
    report, _, _ = merged(model, tmp_path, (path, 1, 1))
    assert "lora_te2_text_model_encoder_layers_0_mlp_fc1" in report["warnings"][0]
    assert f"{FLAT_QUERY}.oft_blocks" in report["warnings"][0]


def test_damaged_files(model, tmp_path):
    half = {name: value for name, value in low_rank(FLAT_QUERY, 32, 32).items() if "up" in name}
    assert "missing" in run(model, tmp_path, (save(tmp_path, half), 1, 1)).stderr
    crossed = low_rank(FLAT_QUERY, 32, 32) | {f"{FLAT_QUERY}.lora_down.weight": torch.randn(5, 32)}
    assert "do not fit each other" in run(model, tmp_path, (save(tmp_path, crossed), 1, 1)).stderr
    checkpoint = model / "unet/diffusion_pytorch_model.safetensors"
    assert "no LoRA but a U-Net alone" in run(model, tmp_path, (checkpoint, 1, 1)).stderr


def test_bias_difference(model, tmp_path):
    path = save(tmp_path, {f"{FLAT_CONV}.diff_b": torch.ones(32)})
    _, unet, _ = merged(model, tmp_path, (path, 0.25, 1))
    original = make_unet().state_dict()
    compare(unet, original | {f"{CONV}.bias": original[f"{CONV}.bias"] + 0.25}, original)
