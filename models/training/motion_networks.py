"""Motion modules for the model's U-Net, with AnimateDiff's structure and tensor names.

One behind every spatial transformer, or behind the residual block where a level has none, twice per
input level and three times per output level; none in the middle block, as in AnimateDiff's first
and third versions. Narrower than AnimateDiff in one respect: the feed-forward layers are half as
wide as their input rather than four times as wide, since all has to fit into 6 MB.
"""

from __future__ import annotations

import math

import torch
from diffusers import UNet2DConditionModel
from torch import nn

from models.data.motion import FRAMES
from models.training.networks import CHANNELS

HEADS = 8  # fixed in AnimateDiff's format, which does not store it


class Positions(nn.Module):
    """Sinusoidal positions of frames: sines on even channels, cosines on odd ones."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        frequencies = torch.exp(torch.arange(0, channels, 2) * (-math.log(10000.0) / channels))
        angles = torch.arange(FRAMES)[:, None] * frequencies
        table = torch.stack([angles.sin(), angles.cos()], -1).flatten(1)
        self.register_buffer("pe", table[None])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.pe[:, :x.shape[1]]


class TemporalAttention(nn.Module):
    """Self-attention over the frames of each pixel, x [pixels, frames, channels]."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.to_q, self.to_k, self.to_v = (nn.Linear(channels, channels, bias=False)
                                           for _ in range(3))
        self.to_out = nn.ModuleList([nn.Linear(channels, channels)])
        self.pos_encoder = Positions(channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.pos_encoder(x)

        def heads(y: torch.Tensor) -> torch.Tensor:
            return y.unflatten(-1, (HEADS, -1)).transpose(1, 2)

        query = heads(self.to_q(x)) * (x.shape[-1] // HEADS) ** -0.5
        key, value = heads(self.to_k(x)), heads(self.to_v(x))
        weights = (query @ key.transpose(-1, -2)).softmax(-1).to(value.dtype)
        return self.to_out[0]((weights @ value).transpose(1, 2).flatten(2))


class GatedLinear(nn.Module):
    """GEGLU: the first half of the output times the GELU of the second."""

    def __init__(self, channels: int, inner: int) -> None:
        super().__init__()
        self.proj = nn.Linear(channels, 2 * inner)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        value, gate = self.proj(x).chunk(2, -1)
        return value * nn.functional.gelu(gate)


class FeedForward(nn.Module):
    """Named as in AnimateDiff, where entry 1 of ``net`` is the dropout."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        inner = channels // 2
        self.net = nn.ModuleList([GatedLinear(channels, inner), nn.Identity(),
                                  nn.Linear(inner, channels)])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.net[2](self.net[0](x))


class TemporalBlock(nn.Module):
    """Two temporal self-attentions and a feed-forward layer, each behind a norm."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.attention_blocks = nn.ModuleList([TemporalAttention(channels) for _ in range(2)])
        self.norms = nn.ModuleList([nn.LayerNorm(channels) for _ in range(2)])
        self.ff, self.ff_norm = FeedForward(channels), nn.LayerNorm(channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for norm, attention in zip(self.norms, self.attention_blocks):
            x = x + attention(norm(x))
        return x + self.ff(self.ff_norm(x))


class TemporalTransformer(nn.Module):
    """The whole module on x [clips * frames, channels, height, width]; at first it does nothing."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(32, channels, eps=1e-6)
        self.proj_in = nn.Linear(channels, channels)
        self.transformer_blocks = nn.ModuleList([TemporalBlock(channels)])
        self.proj_out = nn.Linear(channels, channels)
        nn.init.zeros_(self.proj_out.weight)
        nn.init.zeros_(self.proj_out.bias)

    def forward(self, x: torch.Tensor, frames: int) -> torch.Tensor:
        _, _, height, width = x.shape
        y = self.norm(x).unflatten(0, (-1, frames)).permute(0, 3, 4, 1, 2).flatten(0, 2)
        y = self.proj_out(self.transformer_blocks[0](self.proj_in(y)))
        y = y.unflatten(0, (-1, height, width)).permute(0, 3, 4, 1, 2).flatten(0, 1)
        return x + y


class MotionModule(nn.Module):
    """``motion_modules.N`` of a block."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.temporal_transformer = TemporalTransformer(channels)


class MotionLevel(nn.Module):
    """The motion modules of one block of the U-Net."""

    def __init__(self, channels: int, count: int) -> None:
        super().__init__()
        self.motion_modules = nn.ModuleList([MotionModule(channels) for _ in range(count)])


class MotionModules(nn.Module):
    """All modules; ``attach`` puts them into a U-Net."""

    def __init__(self) -> None:
        super().__init__()
        self.down_blocks = nn.ModuleList([MotionLevel(c, 2) for c in CHANNELS])
        self.up_blocks = nn.ModuleList([MotionLevel(c, 3) for c in reversed(CHANNELS)])
        self.frames = 0  # 0: the U-Net runs as if there were no modules

    def attach(self, unet: UNet2DConditionModel, compiled: bool = False) -> None:
        """Let every module act behind its place in ``unet``. ``compiled``: three times as fast."""
        for blocks, levels in ((unet.down_blocks, self.down_blocks),
                               (unet.up_blocks, self.up_blocks)):
            for block, level in zip(blocks, levels):
                places = getattr(block, "attentions", None) or block.resnets
                for place, module in zip(places, level.motion_modules):
                    act = module.temporal_transformer
                    act = torch.compile(act, dynamic=False) if compiled else act
                    place.register_forward_hook(self._hook(act))

    def _hook(self, module: nn.Module):
        def act(_place: nn.Module, _inputs: object, output: object) -> object:
            if not self.frames:
                return None
            if isinstance(output, tuple):
                return (module(output[0], self.frames), *output[1:])
            return module(output, self.frames)

        return act
