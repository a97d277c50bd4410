"""k-diffusion's samplers, which A1111 and ComfyUI build on, driving diffusers' U-Net.

The package is installed without its dependencies, which training needs and sampling does not; the few names of
theirs that its modules mention are put in their place here.
"""

from __future__ import annotations

import importlib.util
import pathlib
import sys
import types

import torch

from . import reference


def _load_package() -> tuple[types.ModuleType, types.ModuleType]:
    folder = pathlib.Path(importlib.util.find_spec("k_diffusion").origin).parent
    package = types.ModuleType("k_diffusion_reference_package")
    package.__path__ = [str(folder)]
    utils = types.ModuleType(package.__name__ + ".utils")
    utils.append_dims = lambda x, dims: x[(...,) + (None,) * (dims - x.ndim)]
    sys.modules |= {package.__name__: package, utils.__name__: utils}
    sys.modules.setdefault("torchdiffeq", types.SimpleNamespace(odeint=None))
    package.utils = utils
    return (importlib.import_module(package.__name__ + ".sampling"),
            importlib.import_module(package.__name__ + ".external"))


sampling, external = _load_package()


class Denoiser(external.DiscreteSchedule):
    """The guided U-Net of a folder as k-diffusion wants it: (x, sigma) to the denoised latent."""

    def __init__(self, folder: pathlib.Path, quantize: bool, guidance: float = 7.5) -> None:
        self.pipeline = reference.pipeline(folder)
        alphas = self.pipeline.scheduler.alphas_cumprod
        super().__init__(((1 - alphas) / alphas) ** 0.5, quantize)
        self.guidance = guidance
        self.velocity = self.pipeline.scheduler.config.prediction_type == "v_prediction"
        positive, negative = self.pipeline.encode_prompt(reference.PROMPT, "cpu", 1, True)
        self.context = torch.cat([negative, positive])

    @torch.no_grad()
    def forward(self, x: torch.Tensor, sigma: torch.Tensor, **_: object) -> torch.Tensor:
        level = sigma[0]
        scale = 1 / (level**2 + 1) ** 0.5
        output = self.pipeline.unet(torch.cat([x * scale] * 2), self.sigma_to_t(sigma)[0],
                                    self.context.repeat_interleave(len(x), 0)).sample
        negative, positive = output.chunk(2)
        guided = negative + self.guidance * (positive - negative)
        if self.velocity:
            return x * scale**2 - guided * level * scale
        return x - guided * level
