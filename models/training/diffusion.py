"""The noise that a denoiser learns to remove, and the loss of a step: v-prediction (Salimans and Ho,
arXiv 2202.00512) with the weight of a noise level limited (min-SNR, arXiv 2303.09556)."""

from __future__ import annotations

import torch

from models.training.networks import build_scheduler

SNR_LIMIT = 5.0  # nearly clean pictures teach little: limit their weight


class Diffusion:
    """The default model's noise schedule. Latents [B, 4, h, w], timesteps [B] in 0..999."""

    def __init__(self) -> None:
        self.alpha = build_scheduler().alphas_cumprod
        snr = self.alpha / (1 - self.alpha)
        self.weight = (snr.clamp(max=SNR_LIMIT) + 1) * (1 - self.alpha)

    def noisy(self, clean: torch.Tensor, noise: torch.Tensor,
              timesteps: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Noised latents and the velocity that a denoiser shall find in them."""
        signal = self.alpha[timesteps].view(-1, 1, 1, 1)
        return (signal.sqrt() * clean + (1 - signal).sqrt() * noise,
                signal.sqrt() * noise - (1 - signal).sqrt() * clean)

    def loss(self, predicted: torch.Tensor, velocity: torch.Tensor,
             timesteps: torch.Tensor) -> torch.Tensor:
        """Weighted mean square error over the batch."""
        errors = (predicted.float() - velocity).square().flatten(1).mean(1)
        return (errors * self.weight[timesteps]).mean()
