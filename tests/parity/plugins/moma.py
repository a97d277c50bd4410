"""MoMA from its published formulas (arXiv:2404.05674 and its authors' processors) on diffusers' U-Net, and adapters with
random weights for it. The file's layout and the picture's preparation are those of plugins/moma/README.md."""

from __future__ import annotations

import dataclasses
import json
import pathlib

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import DiffusionPipeline
from PIL import Image
from safetensors.torch import save_file
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

from ..pipeline import reference

SUBJECT = "red apple"  # of reference.PROMPT
SMALL = ["--size", "128x128", "--seed", 7, "--sampler", "ddim", "--steps", 4]
EMBEDDING, STATE, TOKENS = 40, 56, 4
NOISE_SEED = 0x6D6F6D61
ENCODER = {"hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4,
           "image_size": 32, "patch_size": 8, "projection_dim": EMBEDDING, "hidden_act": "gelu"}


def random_matrix(rows: int, columns: int) -> torch.Tensor:
    return torch.randn(rows, columns) / columns**0.5


def make_adapter(model: pathlib.Path, path: pathlib.Path, mapping: bool = True, encoder: bool = False) -> None:
    """An adapter for the model's attentions, numbered as diffusers counts them."""
    unet = DiffusionPipeline.from_pretrained(model).unet
    width = unet.config.cross_attention_dim
    torch.manual_seed(11)
    tensors = {"moma.image_proj.proj.weight": random_matrix(TOKENS * width, EMBEDDING),
               "moma.image_proj.proj.bias": torch.randn(TOKENS * width),
               "moma.image_proj.norm.weight": 1 + 0.1 * torch.randn(width),
               "moma.image_proj.norm.bias": 0.1 * torch.randn(width)}
    for index, name in enumerate(unet.attn_processors):
        channels = unet.get_submodule(name.removesuffix(".processor")).to_k.out_features
        assert ("attn2" in name) == (index % 2 == 1)
        for what in ("to_k_ip", "to_v_ip"):
            tensors[f"moma.attn.{index}.{what}.weight"] = random_matrix(channels, width if index % 2 else channels)
        if index % 2 == 0:
            tensors[f"moma.attn.{index}.scale"] = 0.5 + torch.rand(1)
    if mapping:
        for what in ("gate", "up"):
            tensors[f"moma.llm_mapping.{what}_proj.weight"] = 2 * random_matrix(EMBEDDING, STATE)
        tensors["moma.llm_mapping.down_proj.weight"] = 2 * random_matrix(EMBEDDING, EMBEDDING)
    metadata = {}
    if encoder:
        for name, tensor in vision_encoder().state_dict().items():
            tensors[f"moma.image_encoder.{name}"] = tensor.contiguous()
        metadata["moma.image_encoder.config"] = json.dumps(ENCODER)
    save_file(tensors, path, metadata)


def vision_encoder() -> CLIPVisionModelWithProjection:
    torch.manual_seed(5)
    encoder = CLIPVisionModelWithProjection(CLIPVisionConfig(**ENCODER)).eval()
    with torch.no_grad():
        for weight in encoder.parameters():
            if weight.ndim > 1:
                weight.normal_(std=2 / weight[0].numel() ** 0.5)
    return encoder


def spelling(**settings) -> list[str]:
    return ["--plugin", "moma:" + ",".join(f"{name}={value}" for name, value in settings.items())]


# ---- The picture ----

def cut_out(picture: Image.Image, mask: Image.Image) -> tuple[np.ndarray, np.ndarray]:
    """The part that shows the subject, as colours and a mask."""
    colours = np.asarray(picture.convert("RGB"))
    chosen = np.asarray(mask.convert("L")) >= 128
    rows, columns = (np.flatnonzero(chosen.any(axis)) for axis in (1, 0))
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    margin = int(0.075 * max(bottom - top, right - left) + 0.5)
    box = (slice(max(0, top - margin), bottom + margin), slice(max(0, left - margin), right + margin))
    return colours[box], chosen[box]


def fit_square(image: Image.Image, size: int) -> tuple[Image.Image, tuple[int, int]]:
    longer = max(image.size)
    width, height = (max(1, int(side * size / longer + 0.5)) for side in image.size)
    return image.resize((width, height), Image.Resampling.BICUBIC), ((size - width) // 2, (size - height) // 2)


def reference_square(picture, mask, size: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The U-Net's view, [1, 3, S, S] in -1..1, and the subject in it, [1, 1, S, S]."""
    colours, chosen = cut_out(picture, mask)
    resized, (left, top) = fit_square(Image.fromarray(colours), size)
    around = ((top, size - resized.height - top), (left, size - resized.width - left))
    square = np.pad(np.asarray(resized), (*around, (0, 0)), mode="edge")
    shrunk, _ = fit_square(Image.fromarray(chosen.astype(np.uint8) * 255), size)
    where = np.pad(np.asarray(shrunk) >= 128, around)
    return (torch.from_numpy(square / 127.5 - 1).permute(2, 0, 1)[None].float(),
            torch.from_numpy(where)[None, None].float())


def embedding_of_picture(picture, mask) -> torch.Tensor:
    colours, chosen = cut_out(picture, mask)
    white = np.where(chosen[..., None], colours, 255).astype(np.uint8)
    resized, corner = fit_square(Image.fromarray(white), ENCODER["image_size"])
    square = Image.new("RGB", (ENCODER["image_size"],) * 2, "white")
    square.paste(resized, corner)
    mean, deviation = (torch.tensor(numbers)[:, None, None] for numbers in
                       ([0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]))
    pixels = torch.from_numpy(np.array(square) / 255).permute(2, 0, 1).float()
    with torch.no_grad():
        return vision_encoder()(pixel_values=((pixels - mean) / deviation)[None]).image_embeds[0]


def squashed_square(picture, mask, size: int) -> tuple[torch.Tensor, torch.Tensor]:
    """As in the authors' code, without regard to proportions; whatever in the mask is not black counts."""
    square = np.asarray(picture.convert("RGB").resize((size, size), Image.Resampling.BICUBIC))
    chosen = Image.fromarray((np.asarray(mask.convert("L")) > 0).astype(np.uint8) * 255)
    where = np.asarray(chosen.resize((size, size), Image.Resampling.BICUBIC)) > 0
    return (torch.from_numpy(square / 127.5 - 1).permute(2, 0, 1)[None].float(),
            torch.from_numpy(where)[None, None].float())


# ---- The network ----

@dataclasses.dataclass
class State:
    """What the processors share."""

    tensors: dict
    strength: float = 1.0
    ip_scale: float = 1.0
    t_self_max: float = 950
    threshold: float = 0.2
    use_mask: bool = True
    compat: bool = False
    recording: bool = False
    step: int = 0
    timestep: float = 0.0
    size: tuple[int, int] = (0, 0)  # of the picture
    reference_mask: torch.Tensor | None = None
    tokens: torch.Tensor | None = None  # [rows, n, W], as the network's rows
    positions: list[int] = dataclasses.field(default_factory=list)
    mask: torch.Tensor | None = None  # [1, 1, H, W]
    maps: list[torch.Tensor] = dataclasses.field(default_factory=list)

    def gate(self, tokens: int) -> torch.Tensor | float:
        if self.mask is None:
            return 1.0
        return F.interpolate(self.mask, grid(tokens, self.size), mode="nearest").flatten(2).transpose(1, 2)

    def finish_step(self) -> None:
        """The mask for the next step: the maps' average, stretched, cut off, stretched."""
        average = torch.stack(self.maps).mean(0)
        cut = stretched(average)
        cut = stretched(cut * (cut > self.threshold))
        self.mask, self.maps = cut[-1:] if self.use_mask else None, []
        self.step += 1


def grid(tokens: int, size: tuple[int, int]) -> tuple[int, int]:
    scale = (size[0] * size[1] / tokens) ** 0.5
    return round(size[0] / scale), round(size[1] / scale)


def stretched(map_: torch.Tensor) -> torch.Tensor:
    return (map_ - map_.min()) / (map_.max() - map_.min())


def heads(attn, rows: torch.Tensor) -> torch.Tensor:
    return rows.unflatten(2, (attn.heads, -1)).transpose(1, 2)


def shares(query, keys, bias=0.0) -> torch.Tensor:
    return (query @ keys.transpose(2, 3) * query.shape[3] ** -0.5 + bias).softmax(-1)


class SelfAttention:
    def __init__(self, state: State, index: int) -> None:
        self.state, self.index, self.kept = state, index, None

    def weight(self, what: str) -> torch.Tensor:
        return self.state.tensors[f"moma.attn.{self.index}.{what}"]

    def __call__(self, attn, hidden_states, encoder_hidden_states=None, attention_mask=None, temb=None):
        state = self.state
        query, key, value = attn.to_q(hidden_states), attn.to_k(hidden_states), attn.to_v(hidden_states)
        query = heads(attn, query)
        if state.recording:
            self.kept = tuple(heads(attn, F.linear(rows, self.weight(f"to_{name}_ip.weight")))
                              for name, rows in (("k", key), ("v", value)))
        attended = shares(query, heads(attn, key)) @ heads(attn, value)
        acts = state.timestep < state.t_self_max and (state.step > 0 or state.compat)
        if not state.recording and acts and state.strength > 0:
            attended = attended + state.strength * self.weight("scale") * self.reference(query)
        return attn.to_out[0](attended.transpose(1, 2).flatten(2))

    def reference(self, query):
        keys, values = self.kept
        side = int(keys.shape[2] ** 0.5)
        foreground = F.interpolate(self.state.reference_mask, (side, side), mode="nearest").flatten()
        if not foreground.any() and not self.state.compat:
            return 0.0
        bias = torch.where(foreground > 0, 1.0, torch.finfo(torch.float32).min)
        gate = self.state.gate(query.shape[2])
        return shares(query, keys, bias) @ values * (gate if isinstance(gate, float) else gate[:, None])


class CrossAttention:
    def __init__(self, state: State, index: int) -> None:
        self.state, self.index = state, index

    def __call__(self, attn, hidden_states, encoder_hidden_states=None, attention_mask=None, temb=None):
        state = self.state
        query = heads(attn, attn.to_q(hidden_states))
        of_text = shares(query, heads(attn, attn.to_k(encoder_hidden_states)))
        attended = of_text @ heads(attn, attn.to_v(encoder_hidden_states))
        if not state.recording:
            self.look(of_text)
            if state.tokens is not None:
                keys, values = (heads(attn, F.linear(state.tokens, state.tensors[f"moma.attn.{self.index}.to_{name}_ip.weight"]))
                                for name in "kv")
                gate = state.gate(query.shape[2])
                term = shares(query, keys) @ values * state.ip_scale
                attended = attended + term * (gate if isinstance(gate, float) else gate[:, None])
        return attn.to_out[0](attended.transpose(1, 2).flatten(2))

    def look(self, of_text: torch.Tensor) -> None:
        rows = of_text if self.state.compat else of_text[-1:]
        attention = rows.mean(1)[..., self.state.positions].sum(-1)
        maps = torch.stack([stretched(row) for row in attention])
        maps = maps.unflatten(1, grid(maps.shape[1], self.state.size))[:, None]
        self.state.maps.append(F.interpolate(maps, self.state.size, mode="nearest"))


def positions_of(tokenizer, prompt: str, subject: str) -> list[int]:
    """Where the padded prompt has the subject's tokens one behind the other."""
    ids = tokenizer(prompt, padding="max_length", max_length=77, truncation=True).input_ids
    wanted = tokenizer(subject, add_special_tokens=False).input_ids
    starts = [start for start in range(77) if ids[start:start + len(wanted)] == wanted]
    assert starts, "the prompt does not have the subject"
    return sorted({start + place for start in starts for place in range(len(wanted))})


def tokens_of(tensors: dict, given: torch.Tensor | None) -> torch.Tensor | None:
    """For an unconditional and a conditional row."""
    if given is None:
        return None
    width = tensors["moma.image_proj.norm.weight"].shape[0]

    def project(embedding):
        numbers = F.linear(embedding, tensors["moma.image_proj.proj.weight"], tensors["moma.image_proj.proj.bias"])
        return F.layer_norm(numbers.view(-1, width), (width,), tensors["moma.image_proj.norm.weight"],
                            tensors["moma.image_proj.norm.bias"])

    if given.shape == (STATE,):
        weight = {name: tensors[f"moma.llm_mapping.{name}_proj.weight"] for name in ("gate", "up", "down")}
        given = F.linear(F.silu(F.linear(given, weight["gate"])) * F.linear(given, weight["up"]), weight["down"])
    tokens = given if given.ndim == 2 else project(given)
    return torch.stack([project(torch.zeros(EMBEDDING)), tokens])


def record(pipeline, state: State, square: torch.Tensor, subject: str) -> None:
    """One run of the network for the reference at timestep 0."""
    ids = pipeline.tokenizer(subject, padding="max_length", max_length=77, return_tensors="pt").input_ids
    text = pipeline.text_encoder(ids)[0]
    latent = pipeline.vae.encode(square).latent_dist.mode() * pipeline.vae.config.scaling_factor
    noise = torch.randn(latent.shape, generator=torch.Generator().manual_seed(NOISE_SEED))
    kept = pipeline.scheduler.alphas_cumprod[0]
    state.recording = True
    pipeline.unet(kept**0.5 * latent + (1 - kept) ** 0.5 * noise, torch.tensor(0),
                  text[:, :-4] if state.compat else text)
    state.recording = False


@torch.no_grad()
def theirs(folder: pathlib.Path, tensors: dict, picture, mask, given=None, *, size=(128, 128), steps=4, guidance=7.5,
           subject=SUBJECT, **settings) -> torch.Tensor:
    """The final latent. given: a state, an embedding, tokens or None."""
    pipeline = DiffusionPipeline.from_pretrained(folder)
    pipeline.set_progress_bar_config(disable=True)
    reference.set_scheduler(pipeline, folder, "ddim", {})
    state = State(tensors, size=size, positions=positions_of(pipeline.tokenizer, reference.PROMPT, subject), **settings)
    tokens = tokens_of(tensors, given)
    state.tokens = tokens if guidance != 1 or tokens is None else tokens[1:]
    native = pipeline.unet.config.sample_size * pipeline.vae_scale_factor
    square, state.reference_mask = (squashed_square if state.compat else reference_square)(picture, mask, native)
    pipeline.unet.set_attn_processor({name: (CrossAttention if "attn2" in name else SelfAttention)(state, index)
                                      for index, name in enumerate(pipeline.unet.attn_processors)})
    record(pipeline, state, square, subject)

    def before(module, args, kwargs):
        state.timestep = float(args[1])

    pipeline.unet.register_forward_pre_hook(before, with_kwargs=True)

    def after_step(pipe, index, timestep, tensors_):
        state.finish_step()
        return {}

    return pipeline(reference.PROMPT, height=size[0], width=size[1], num_inference_steps=steps, guidance_scale=guidance,
                    generator=torch.Generator().manual_seed(7), output_type="latent",
                    callback_on_step_end=after_step).images
