"""Draw pictures of a subject with diffusers' network, as the plugin `moma` does.

MoMA's subject mask (the paper's section 3.3): after every step the cross-attentions' maps of the
subject's word, averaged, say where both branches act in the next one.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL, UNet2DConditionModel
from transformers import CLIPTextModel, CLIPTokenizer

from models.data.pairs import LATENT, SUBJECT
from models.training.adapter_networks import SELF_UNTIL, Adapter
from models.training.networks import build_scheduler

THRESHOLD = 0.2
SUBJECT_POSITION = 2  # of the word in "a thing ...", behind the start and the article


@dataclass(frozen=True)
class References:
    """Per picture: what the encoder sees, the latent, where the subject is."""

    vision: torch.Tensor
    latent: torch.Tensor
    mask: torch.Tensor


def stretched(maps: torch.Tensor) -> torch.Tensor:
    """Each map [B, ...] to 0..1."""
    flat = maps.flatten(1)
    low = flat.amin(1, keepdim=True)
    return ((flat - low) / (flat.amax(1, keepdim=True) - low).clamp(min=1e-12)).view(maps.shape)


def subject_gate(probabilities: list[torch.Tensor]) -> torch.Tensor:
    """Where the subject is, [B, 16, 16], of the text's attention [B, N, 77] in all layers."""
    maps = []
    for weights in probabilities:
        side = int(weights.shape[1] ** 0.5)
        one = stretched(weights[:, :, SUBJECT_POSITION].float()).view(-1, 1, side, side)
        maps.append(F.interpolate(one, size=(LATENT, LATENT), mode="nearest")[:, 0])
    mean = stretched(torch.stack(maps).mean(0))
    return stretched(torch.where(mean > THRESHOLD, mean, 0))


class Painter:
    """The networks; ``draw`` is one batch."""

    def __init__(self, unet: UNet2DConditionModel, text: CLIPTextModel, tokenizer: CLIPTokenizer,
                 vae: AutoencoderKL, adapter: Adapter) -> None:
        self.unet, self.text, self.tokenizer = unet, text, tokenizer
        self.vae, self.adapter = vae, adapter

    def contexts(self, captions: list[str]) -> torch.Tensor:
        """Text states."""
        ids = self.tokenizer(captions, padding="max_length", truncation=True, max_length=77,
                             return_tensors="pt").input_ids
        return self.text(ids).last_hidden_state.bfloat16()

    def _look(self, references: References, strength: float) -> None:
        run, count = self.adapter.run, len(references.vision)
        embedding = self.adapter.embed(references.vision)
        tokens = self.adapter.image_proj(torch.cat([torch.zeros_like(embedding), embedding]))
        run.tokens = tokens.bfloat16()
        run.reference_mask = references.mask.repeat(2, 1, 1)
        run.gate = torch.ones(2 * count, LATENT, LATENT)
        if strength == 0:
            return
        first = build_scheduler().alphas_cumprod[0]
        speck = torch.randn(references.latent.shape, generator=torch.Generator().manual_seed(1))
        noisy = first.sqrt() * references.latent + (1 - first).sqrt() * speck
        self.adapter.look_at(self.unet, noisy.bfloat16(),
                             self.contexts([SUBJECT]).expand(count, -1, -1))
        run.references = {number: (key.repeat(2, 1, 1), value.repeat(2, 1, 1))
                          for number, (key, value) in run.references.items()}

    @torch.no_grad()
    def draw(self, prompts: list[str], references: References | None, seeds: list[int],
             strength: float, content: float, steps: int, guidance: float) -> torch.Tensor:
        """Pictures in [-1, 1], each from its own seed. No ``references``: of the model alone."""
        scheduler, run = build_scheduler(), self.adapter.run
        scheduler.set_timesteps(steps)
        count = len(prompts)
        latents = torch.stack([torch.randn(4, LATENT, LATENT,
                                           generator=torch.Generator().manual_seed(seed))
                               for seed in seeds])
        with torch.autocast("cpu", torch.bfloat16):
            context = self.contexts([""] * count + prompts)
            if references is not None:
                self._look(references, strength)
            run.active = references is not None
            for index, level in enumerate(scheduler.timesteps):
                acts = strength if index > 0 and int(level) < SELF_UNTIL else 0.0
                run.strength = torch.full((2 * count,), acts)
                run.content = torch.full((2 * count,), content)
                run.probabilities = [] if run.active else None
                both = self.unet(latents.repeat(2, 1, 1, 1).bfloat16(), level, context).sample
                if run.probabilities:
                    run.gate = subject_gate([p[count:] for p in run.probabilities]).repeat(2, 1, 1)
                empty, wanted = both.float().chunk(2)
                latents = scheduler.step(empty + guidance * (wanted - empty), level,
                                         latents).prev_sample
            run.active, run.probabilities = False, None
        return self.vae.decode(latents / self.vae.config.scaling_factor).sample.clamp(-1, 1)
