"""The quantizer's integer layers against the same quantisation simulated in diffusers' network."""

from __future__ import annotations

import diffusers
import pytest
import torch
from torch import nn

from ..pipeline import reference

SMALL = ["--size", "64x64", "--seed", 7, "--sampler", "euler", "--steps", 3]
SMALL_THEIRS = {"height": 64, "width": 64, "num_inference_steps": 3}
KEPT = ("conv_in", "conv_out", "time_embedding", "add_embedding")
OF_TEXT = ("attn2.to_k", "attn2.to_v")
SMALLEST = 4096


def asymmetric(x, over):
    """MixDQ's activation quantiser (base_quantizer.py): ranges include zero, 2^8 levels, half to even."""
    low = x.amin(over, keepdim=True).clamp(max=0)
    step = ((x.amax(over, keepdim=True).clamp(min=0) - low) / 255).clamp(min=1e-30)
    zero = (-low / step).round()
    return (((x / step).round() + zero).clamp(0, 255) - zero) * step


def symmetric(weight):
    """MixDQ's weight quantiser: one step an output, 8 bits."""
    step = weight.abs().flatten(1).amax(1).view(-1, *[1] * (weight.dim() - 1)) / 127
    return (weight / step).round().clamp(-128, 127) * step


def test_golden_values():
    """Worked by hand from the definitions: 2.01 / 255 and 0.4 / 127 are the steps."""
    x = torch.tensor([-0.31, 0.0, 0.5, 1.7])
    torch.testing.assert_close(asymmetric(x, [0]), torch.tensor([-0.307412, 0, 0.496588, 1.702588]), atol=1e-6, rtol=0)
    weight = torch.tensor([[0.02, -0.4, 0.127]])
    torch.testing.assert_close(symmetric(weight), torch.tensor([[6.0, -127, 40]]) * 0.4 / 127, atol=1e-7, rtol=0)


class OfText(nn.Module):
    """A layer of the prompt: weights in 8 bits, inputs in floating point."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x, *_):
        return nn.functional.linear(x, symmetric(self.layer.weight), self.layer.bias)


class Simulated(nn.Module):
    """A layer whose numbers are rounded to what 8 bits hold, and which then computes in fp32."""

    def __init__(self, layer, split):
        super().__init__()
        self.layer, self.split = layer, split

    def forward(self, x, *_):
        sizes = [self.split, x.shape[1] - self.split] if self.split else [x.shape[-1 if x.dim() < 4 else 1]]
        weights = [symmetric(part) for part in self.layer.weight.split(sizes, 1)]
        if isinstance(self.layer, nn.Linear):
            return nn.functional.linear(asymmetric(x, [-1]), weights[0], self.layer.bias)
        # A window of several positions has one scale, a single position its own.
        over = [1] if self.layer.kernel_size == (1, 1) else [1, 2, 3]
        inputs = [asymmetric(part, over) for part in x.split(sizes, 1)]
        outputs = [nn.functional.conv2d(part, weight, None, self.layer.stride, self.layer.padding)
                   for part, weight in zip(inputs, weights)]
        return sum(outputs) + self.layer.bias.view(-1, 1, 1)


def simulate(unet, keep):
    """Replaces the layers that the plugin quantises; returns what was there."""
    replaced = {}
    for name, layer in list(unet.named_modules()):
        if not isinstance(layer, (nn.Linear, nn.Conv2d)) or any(part in name for part in keep):
            continue
        if layer.weight.numel() < SMALLEST:
            continue
        split = 0
        if name.startswith("up_blocks") and name.endswith("conv_shortcut"):
            split = layer.in_channels - skip_channels(unet, name)
        replaced[name] = layer
        parent, _, child = name.rpartition(".")
        simulated = OfText(layer) if name.endswith(OF_TEXT) else Simulated(layer, split)
        setattr(unet.get_submodule(parent), child, simulated)
    return replaced


def skip_channels(unet, name):
    """The channels that the resnet of this shortcut takes from the encoder, counted as diffusers' encoder puts them
    aside: the first convolution's, each resnet's, each downsampler's."""
    kept = [unet.conv_in.out_channels]
    for block in unet.down_blocks:
        kept += [resnet.conv2.layer.out_channels if isinstance(resnet.conv2, Simulated) else resnet.conv2.out_channels
                 for resnet in block.resnets]
        kept += [kept[-1]] * len(block.downsamplers or [])
    block, resnet = int(name.split(".")[1]), int(name.split(".")[3])
    before = sum(len(unet.up_blocks[i].resnets) for i in range(block))
    return kept[-1 - before - resnet]


def simulated_latents(folder, keep, **arguments):
    """The latents, and the names of the layers whose quantisation is simulated."""
    unet = reference.pipeline(folder, diffusers.DiffusionPipeline).unet
    replaced = simulate(unet, keep)
    try:
        return reference.latents(folder, "euler", **arguments), list(replaced)
    finally:
        for name, layer in replaced.items():
            parent, _, child = name.rpartition(".")
            setattr(unet.get_submodule(parent), child, layer)


def relative(ours, theirs):
    return ((ours - theirs).norm() / theirs.norm()).item()


# A layer, and parts of the names of all others.
ENDS = ["conv_in", "conv_out", "time_emb", "mid_block"]
OUTSIDE = [*ENDS, "up_blocks", "down_blocks.0", "down_blocks.2", "down_blocks.3"]
RESNETS = [*OUTSIDE, "attentions", "downsamplers", "resnets.1", "shortcut"]
TRANSFORMERS = [*OUTSIDE, "resnets", "downsamplers", "attentions.1"]
BLOCK = "down_blocks.1.attentions.0.transformer_blocks.0"
LAYERS = {
    "down_blocks.1.resnets.0.conv1": [*RESNETS, "conv2"],
    "down_blocks.1.attentions.0.proj_in": [*TRANSFORMERS, "attn", "ff", "proj_out"],
    f"{BLOCK}.attn1.to_v": [*TRANSFORMERS, "attn2", "ff", "proj", "to_q", "to_k", "to_out"],
    f"{BLOCK}.ff.net.2": [*TRANSFORMERS, "attn1", "attn2", "proj"],
    "down_blocks.1.downsamplers.0.conv": [*OUTSIDE, "resnets", "attentions"],
    "up_blocks.2.resnets.0.conv_shortcut":
        [*ENDS, "down_blocks", "up_blocks.0", "up_blocks.1", "up_blocks.3", "upsamplers", "attentions",
         "resnets.1", "resnets.2", "conv1", "conv2"],
}

# The first model's layers of the text are too small to be quantised.
OF_SDXL = {f"{BLOCK}.attn2.to_v": ["conv_", "_emb", "mid_block", "up_blocks", "down_blocks.0", "down_blocks.2", "resnets",
                                   "downsamplers", "attentions.1", "blocks.1.attn", "attn1", "ff", "proj", "to_q", "to_k",
                                   "to_out"]}
LAYERS_OF = [("sd1", layer, keep) for layer, keep in LAYERS.items()] + [("sdxl", *item) for item in OF_SDXL.items()]


@pytest.mark.parametrize("family, layer, keep", LAYERS_OF, ids=[layer for _, layer, _ in LAYERS_OF])
def test_an_integer_layer_is_its_simulation(family, layer, keep, model, program):
    """One layer and one evaluation: in a number that falls halfway between two integers both may differ, and then
    further layers would round otherwise as well."""
    folder = model(family)
    once = {**SMALL_THEIRS, "num_inference_steps": 1}
    exact = reference.latents(folder, "euler", **once)
    theirs, names = simulated_latents(folder, keep, **once)
    assert names == [layer]
    ours, _ = program.generate(folder, reference.PROMPT, *SMALL[:-1], 1, "--plugin",
                               f"quantizer:keep={'/'.join(keep)}")
    lost = relative(theirs, exact)
    print(f"{layer}: quantisation changes {lost:.1e}, ours differs from it by {relative(ours, theirs):.1e}")
    assert lost > 1e-5, "quantisation has to be seen"
    assert relative(ours, theirs) < 0.1 * lost


@pytest.mark.parametrize("family", ["sd1", "sd2", "sdxl"])
def test_all_layers_lose_as_much_as_simulated_ones(family, model, program):
    folder = model(family)
    exact = reference.latents(folder, "euler", **SMALL_THEIRS)
    theirs, names = simulated_latents(folder, KEPT, **SMALL_THEIRS)
    assert len(names) > 50
    ours, report = program.generate(folder, reference.PROMPT, *SMALL, "--plugin", "quantizer")
    assert report["plugins"].startswith("quantizer 1.0.0")
    print(f"{family}: integers change the latent by {relative(ours, exact):.1e}, simulated ones by "
          f"{relative(theirs, exact):.1e}")
    assert relative(ours, exact) == pytest.approx(relative(theirs, exact), rel=0.3)


@pytest.mark.parametrize("settings, most", [("scheme=w8a8", 0.05), ("scheme=w8a8,rotate=true", 0.05),
                                            ("scheme=w4a8", 0.5), ("scheme=w4a16", 0.5)])
def test_schemes_stay_near_full_precision(settings, most, model, program):
    folder = model("sd1")
    exact, _ = program.generate(folder, reference.PROMPT, *SMALL)
    ours, _ = program.generate(folder, reference.PROMPT, *SMALL, "--plugin", f"quantizer:{settings}")
    assert 1e-4 < relative(ours, exact) < most


def residual(features, number):
    """What tests/service/plugins/residual.cc adds to a feature map."""
    numbers = torch.arange(features[0].numel(), dtype=torch.float64) * 0.1
    return (numbers * number).sin().float().view(features[0].shape).expand_as(features)


def test_residuals_as_of_a_controlnet(model, program, monkeypatch):
    """Beside diffusers' network with the same residuals, and then with integers."""
    folder = model("sd1")
    unet = reference.pipeline(folder, diffusers.DiffusionPipeline).unet
    plain, own_forward = reference.latents(folder, "euler", **SMALL_THEIRS), unet.forward
    shapes = []
    hooks = [block.register_forward_hook(lambda block, _, output: shapes.extend(part.shape for part in output[1]))
             for block in unet.down_blocks]
    hooks.append(unet.conv_in.register_forward_hook(lambda block, _, output: shapes.append(output.shape)))
    reference.latents(folder, "euler", **{**SMALL_THEIRS, "num_inference_steps": 1})
    for hook in hooks:
        hook.remove()
    added = [residual(torch.empty(shape), number) for number, shape in enumerate(shapes, 1)]
    monkeypatch.setattr(unet, "forward", lambda *arguments, **named: own_forward(
        *arguments, **{**named, "down_block_additional_residuals": added,
                       "mid_block_additional_residual": residual(torch.empty(shapes[-1]), len(shapes) + 1)}))
    theirs = reference.latents(folder, "euler", **SMALL_THEIRS)
    assert relative(theirs, plain) > 0.05, "residuals have to be seen"
    arguments = [*SMALL, "--plugins", program.path.parents[1] / "tests/service_plugins", "--plugin", "test-residual"]
    exact, _ = program.generate(folder, reference.PROMPT, *arguments)
    assert relative(exact, theirs) < 1e-4
    ours, report = program.generate(folder, reference.PROMPT, *arguments, "--plugin", "quantizer")
    assert "quantizer" in report["plugins"] and "test-residual" in report["plugins"]
    assert 1e-5 < relative(ours, theirs) < 0.05


def test_it_composes(model, program):
    """Layers that are integers compute in whatever other plugins make of the network around them."""
    folder = model("sd1")
    arguments = [*SMALL, "--plugin", "pag:scale=3", "--plugin", "cfgpp:scale=0.6", "--plugin", "hidiffusion:min_scale=0"]
    exact, _ = program.generate(folder, reference.PROMPT, *arguments)
    ours, _ = program.generate(folder, reference.PROMPT, *arguments, "--plugin", "quantizer")
    assert 1e-5 < relative(ours, exact) < 0.1


def test_static_quantisation_needs_a_plan(model, program):
    result = program.run("generate", reference.PROMPT, "--model", model("sd1"), "--steps", 1, "--size", "64x64", "-o",
                         program.folder / "p.png", "--plugin", "quantizer:scheme=w8a8-static")
    assert result.returncode != 0
    assert "w8a8-static needs a plan with calibrated ranges" in result.stderr
