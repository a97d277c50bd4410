"""The subject adapter: a CLIP vision encoder, IP-Adapter's branch and MoMA's self-attention branch.

Song et al., MoMA (arXiv:2404.05674), Ye et al., IP-Adapter (arXiv:2308.06721). The denoiser looks
at the reference once, nearly without noise; keys and values of its self-attentions, mapped, are
what the second attention of each self-attention sees. The reference's embedding becomes four
tokens, which a second attention of each cross-attention sees.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from diffusers import UNet2DConditionModel
from diffusers.models.attention_processor import Attention
from torch import nn
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

from models.data.pairs import VISION_SIZE
from models.training.networks import WIDTH

TOKENS = 4
EMBEDDING = 192
SELF_UNTIL = 950  # the self-attention branch is silent at timesteps from here on
CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_DEVIATION = (0.26862954, 0.26130258, 0.27577711)


def build_vision_encoder() -> CLIPVisionModelWithProjection:
    """0.9 M parameters; heads are 64 wide, as OpenAI's encoders have them."""
    return CLIPVisionModelWithProjection(CLIPVisionConfig(
        hidden_size=128, intermediate_size=512, projection_dim=EMBEDDING, num_hidden_layers=4,
        num_attention_heads=2, image_size=VISION_SIZE, patch_size=8, hidden_act="quick_gelu"))


def normalised(pictures: torch.Tensor) -> torch.Tensor:
    """uint8 pictures as CLIP's encoders see them."""
    mean, deviation = (torch.tensor(v).view(3, 1, 1) for v in (CLIP_MEAN, CLIP_DEVIATION))
    return (pictures.float() / 255 - mean) / deviation


class ImageProjection(nn.Module):
    """An embedding [B, E] to tokens [B, TOKENS, WIDTH]."""

    def __init__(self) -> None:
        super().__init__()
        self.proj = nn.Linear(EMBEDDING, TOKENS * WIDTH)
        self.norm = nn.LayerNorm(WIDTH)

    def forward(self, embedding: torch.Tensor) -> torch.Tensor:
        return self.norm(self.proj(embedding).unflatten(-1, (TOKENS, WIDTH)))


class Branch(nn.Module):
    """Keys and values of one attention: from the reference's (self) or from tokens (cross)."""

    def __init__(self, inputs: int, outputs: int, is_self: bool) -> None:
        super().__init__()
        self.to_k_ip = nn.Linear(inputs, outputs, bias=False)
        self.to_v_ip = nn.Linear(inputs, outputs, bias=False)
        if is_self:
            nn.init.eye_(self.to_k_ip.weight)
            nn.init.eye_(self.to_v_ip.weight)
            self.scale = nn.Parameter(torch.full((1,), 0.1))


@dataclass
class Pass:
    """What the attentions of one run of the U-Net know. ``recording``: the reference is looked at.

    Per row of the batch: ``tokens`` [B, TOKENS, WIDTH]; ``reference_mask`` [B, 16, 16], where the
    reference shows its subject; ``gate`` [B, 16, 16], where both branches act; ``strength`` and
    ``content`` [B], how strongly.
    """

    recording: bool = False
    active: bool = False
    references: dict[int, tuple[torch.Tensor, torch.Tensor]] = field(default_factory=dict)
    tokens: torch.Tensor | None = None
    reference_mask: torch.Tensor | None = None
    gate: torch.Tensor | None = None
    strength: torch.Tensor | None = None
    content: torch.Tensor | None = None
    probabilities: list[torch.Tensor] | None = None  # of the text, filled where it is a list


def at_layer(mask: torch.Tensor, positions: int) -> torch.Tensor:
    """A mask [B, 16, 16] at a layer's positions, [B, positions], by nearest neighbours."""
    side = int(positions ** 0.5)
    return F.interpolate(mask[:, None], size=(side, side), mode="nearest").flatten(1)


def split_heads(x: torch.Tensor, heads: int) -> torch.Tensor:
    """[B, N, C] to [B, heads, N, C / heads]."""
    return x.unflatten(-1, (heads, -1)).transpose(1, 2)


def attend(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor,
           bias: torch.Tensor | None = None) -> tuple[torch.Tensor, torch.Tensor]:
    """Attention written out (see PlainAttention), of a query that is scaled already; returns what
    it gives, heads together, and its probabilities."""
    logits = query @ key.transpose(-1, -2)
    weights = (logits if bias is None else logits + bias).softmax(-1).to(value.dtype)
    return (weights @ value).transpose(1, 2).flatten(2), weights


class SubjectAttention:
    """diffusers' processor for one attention."""

    def __init__(self, number: int, branch: Branch, run: Pass) -> None:
        self.number, self.branch, self.run = number, branch, run

    def __call__(self, attention: Attention, hidden_states: torch.Tensor,
                 encoder_hidden_states: torch.Tensor | None = None, **_: object) -> torch.Tensor:
        is_self = encoder_hidden_states is None
        context = hidden_states if is_self else encoder_hidden_states
        heads, run = attention.heads, self.run
        query = split_heads(attention.to_q(hidden_states), heads) * attention.scale
        key, value = attention.to_k(context), attention.to_v(context)
        out, weights = attend(query, split_heads(key, heads), split_heads(value, heads))
        if run.recording and is_self:
            run.references[self.number] = (key.detach(), value.detach())
        if not is_self and run.probabilities is not None:
            run.probabilities.append(weights.mean(1))
        if run.active and is_self and run.strength.any():
            out = out + self._self_term(query, heads)
        if run.active and not is_self:
            out = out + self._cross_term(query, heads)
        return attention.to_out[0](out)

    def _self_term(self, query: torch.Tensor, heads: int) -> torch.Tensor:
        run = self.run
        key, value = self.run.references[self.number]
        mask = at_layer(run.reference_mask, key.shape[1])
        is_there = mask.amax(1)  # a subject may miss every position of a coarse layer
        forbidden = (mask < 0.5) & (is_there[:, None] > 0.5)
        bias = torch.zeros_like(mask).masked_fill(forbidden, -1e4)[:, None, None]
        term, _ = attend(query, split_heads(self.branch.to_k_ip(key), heads),
                         split_heads(self.branch.to_v_ip(value), heads), bias.to(query.dtype))
        amount = at_layer(run.gate, query.shape[2]) * (run.strength * is_there)[:, None]
        return term * (amount[..., None] * self.branch.scale).to(term.dtype)

    def _cross_term(self, query: torch.Tensor, heads: int) -> torch.Tensor:
        run = self.run
        term, _ = attend(query, split_heads(self.branch.to_k_ip(run.tokens), heads),
                         split_heads(self.branch.to_v_ip(run.tokens), heads))
        amount = at_layer(run.gate, query.shape[2]) * run.content[:, None]
        return term * amount[..., None].to(term.dtype)


class Adapter(nn.Module):
    """Everything that is trained. ``branches`` are numbered as in both files' formats: diffusers'
    order, down, up, middle; self-attentions even, cross-attentions odd."""

    def __init__(self, unet: UNet2DConditionModel) -> None:
        super().__init__()
        self.encoder = build_vision_encoder()
        self.image_proj = ImageProjection()
        self.branches = nn.ModuleList()
        self.run = Pass()
        processors = {}
        for number, name in enumerate(unet.attn_processors):
            attention = unet.get_submodule(name.removesuffix(".processor"))
            is_self = number % 2 == 0
            branch = Branch(attention.to_k.in_features, attention.to_k.out_features, is_self)
            if not is_self:
                branch.to_k_ip.weight.data.copy_(attention.to_k.weight.float())
                nn.init.zeros_(branch.to_v_ip.weight)
            self.branches.append(branch)
            processors[name] = SubjectAttention(number, branch, self.run)
        unet.set_attn_processor(processors)

    def embed(self, pictures: torch.Tensor) -> torch.Tensor:
        """Embeddings [B, E] of uint8 pictures [B, 3, 64, 64]."""
        return self.encoder(normalised(pictures)).image_embeds

    @torch.no_grad()
    def look_at(self, unet: UNet2DConditionModel, latents: torch.Tensor,
                context: torch.Tensor) -> None:
        """The reference pass at timestep 0; ``latents`` have their little noise already."""
        self.run.recording, self.run.active = True, False
        unet(latents, 0, context)
        self.run.recording = False
