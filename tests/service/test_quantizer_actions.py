"""The quantizer's actions, as a user runs them, against diffusers' network and arithmetic written here."""

from __future__ import annotations

import contextlib
import itertools
import json
import shutil
import signal
import subprocess
import time
from xml.etree import ElementTree

import diffusers
import pytest
import torch
from parity.pipeline import reference
from parity.plugins.test_quantizer import relative
from safetensors.torch import load_file, save_file
from torch import nn

from service.test_plugin_actions import start, watch, watch_once

DRAWING = ["--pictures", 1, "--size", 64, "--seed", 7]
THEIRS = {"height": 64, "width": 64}
KEPT = ("conv_in", "conv_out", "time_embedding", "add_embedding")
OF_TEXT = ("attn2.to_k", "attn2.to_v")


@pytest.fixture
def prompts(tmp_path):
    file = tmp_path / "prompts.txt"
    file.write_text(f"\n{reference.PROMPT}\r\na dog\n")
    return file


def network_of(folder) -> diffusers.DiffusionPipeline:
    """The one that reference.latents() runs."""
    return reference.pipeline(folder, diffusers.DiffusionPipeline)


def act(server, action: str, out, *arguments: object) -> dict:
    """Runs the action on a server that computes in fp32; the file that it makes."""
    done = server.run("plugin", "action", "quantizer", action, "-o", out, *arguments)
    assert done.returncode == 0, done.stderr
    assert "100 %" in done.stderr.splitlines()[-1]
    return json.loads((out / done.stdout.strip().rpartition("/")[2]).read_text())


def all_quantised_layers(unet) -> dict[str, nn.Module]:
    return {name: layer for name, layer in unet.named_modules()
            if isinstance(layer, (nn.Linear, nn.Conv2d)) and layer.weight.numel() >= 4096
            and not any(part in name for part in KEPT)}


def quantised_layers(unet) -> dict[str, nn.Module]:
    """Those that compute in each step."""
    return {name: layer for name, layer in all_quantised_layers(unet).items() if not name.endswith(OF_TEXT)}


def text_layers(unet) -> dict[str, dict]:
    """What plans say of those that compute once a prompt."""
    return {name: {"weights": 8, "activations": 16} for name in all_quantised_layers(unet) if name.endswith(OF_TEXT)}


def split_of(unet, name: str) -> int:
    """Where the skip connection's channels begin in a shortcut of the decoder."""
    if not (name.startswith("up_blocks") and name.endswith("conv_shortcut")):
        return 0
    kept = [unet.conv_in.out_channels]
    for block in unet.down_blocks:
        kept += [resnet.conv2.out_channels for resnet in block.resnets]
        kept += [kept[-1]] * len(block.downsamplers or [])
    block, resnet = int(name.split(".")[1]), int(name.split(".")[3])
    before = sum(len(unet.up_blocks[i].resnets) for i in range(block))
    return unet.get_submodule(name).in_channels - kept[-1 - before - resnet]


def widened(x) -> list[float]:
    return [min(x.min().item(), 0), max(x.max().item(), 0)]


def ranges_of_runs(folder, steps: int, guidance: float) -> dict[str, list[list]]:
    """For each layer and each run of the network the ranges of its input; two behind a skip connection."""
    unet = network_of(folder).unet
    seen: dict[str, list[list]] = {}
    hooks = []
    for name, layer in quantised_layers(unet).items():
        split = split_of(unet, name)
        seen[name] = []

        def look(_, inputs, name=name, split=split):
            x = inputs[0]
            seen[name].append([widened(part) for part in (x[:, :split], x[:, split:])] if split else [widened(x)])

        hooks.append(layer.register_forward_pre_hook(look))
    try:
        reference.latents(folder, None, num_inference_steps=steps, guidance_scale=guidance, **THEIRS)
    finally:
        for hook in hooks:
            hook.remove()
    return seen


def given_ranges(layer: dict) -> list:
    return [layer["range"], layer["skip_range"]] if "skip_range" in layer else [layer["range"]]


@pytest.mark.parametrize("family, guidance", [("sd1", 7.5), ("sd1", 1), ("sdxl", 5)])
def test_ranges_are_those_of_diffusers_network(family, guidance, server, model, prompts, tmp_path):
    if family != "sd1":
        (server.models / family).symlink_to(model(family))
    arguments = [*DRAWING, "--prompts", prompts, "--guidance", guidance, "--model", family]
    plan = act(server, "calibrate", tmp_path, *arguments, "--steps", 1)
    theirs = ranges_of_runs(model(family), 1, guidance)
    of_text = text_layers(network_of(model(family)).unet)
    assert of_text == {name: layer for name, layer in plan["layers"].items() if name in of_text}
    assert sorted(plan["layers"]) == sorted([*theirs, *of_text]) and len(theirs) > 50
    assert any(len(runs[0]) == 2 for runs in theirs.values())
    for name, runs in theirs.items():
        layer = plan["layers"][name]
        assert (layer["weights"], layer["activations"]) == (8, 8)
        torch.testing.assert_close(torch.tensor(given_ranges(layer)), torch.tensor(runs[0]), rtol=1e-4, atol=1e-5)
    # Over several runs of the network a range lies between the narrowest and the widest of them.
    plan = act(server, "calibrate", tmp_path, *arguments, "--steps", 4)
    for name, runs in ranges_of_runs(model(family), 4, guidance).items():
        low, high = (torch.tensor(runs)[..., end] for end in (0, 1))
        ours = torch.tensor(given_ranges(plan["layers"][name]))
        assert (ours[:, 0] >= low.amin(0) - 1e-4).all() and (ours[:, 0] <= low.amax(0) + 1e-4).all(), name
        assert (ours[:, 1] >= high.amin(0) - 1e-4).all() and (ours[:, 1] <= high.amax(0) + 1e-4).all(), name


def test_a_calibrated_plan_draws(server, model, program, prompts, tmp_path):
    act(server, "calibrate", tmp_path, *DRAWING, "--prompts", prompts, "--steps", 3)
    drawing = ["--size", "64x64", "--seed", 7, "--steps", 3]
    exact, _ = program.generate(model("sd1"), reference.PROMPT, *drawing)
    with_plan = f"quantizer:plan={tmp_path}/plan.json"
    static, report = program.generate(model("sd1"), reference.PROMPT, *drawing, "--plugin",
                                      f"{with_plan},scheme=w8a8-static")
    dynamic, _ = program.generate(model("sd1"), reference.PROMPT, *drawing, "--plugin", "quantizer")
    assert "plan=plan.json" in report["plugins"]
    assert 1e-4 < relative(static, exact) < 0.05
    assert not torch.equal(static, dynamic)
    again, _ = program.generate(model("sd1"), reference.PROMPT, *drawing, "--plugin", with_plan)
    assert torch.equal(again, static)  # the plan has a range for every layer
    # Ranges of other pictures than the calibrated ones serve as well.
    exact, _ = program.generate(model("sd1"), "a dog", *drawing)
    static, _ = program.generate(model("sd1"), "a dog", *drawing, "--plugin", with_plan)
    assert relative(static, exact) < 0.05


def symmetric(weight):
    step = weight.abs().flatten(1).amax(1).view(-1, *[1] * (weight.dim() - 1)) / 127
    return (weight / step).round().clamp(-128, 127) * step


def asymmetric(x):
    low = x.min().clamp(max=0)
    step = (x.max().clamp(min=0) - low) / 255
    zero = (-low / step).round()
    return (((x / step).round() + zero).clamp(0, 255) - zero) * step


def decibels(exact, changed) -> float:
    return (10 * torch.log10(exact.double().square().sum() / (changed - exact).double().square().sum())).item()


def similarity(a, b) -> float:
    """SSIM with uniform windows of 63 x 63 pixels (Wang et al. 2004), one window after the other."""
    values = []
    for channel in range(3):
        for y, x in itertools.product(range(a.shape[2] - 62), range(a.shape[3] - 62)):
            p, q = (picture[0, channel, y:y + 63, x:x + 63].double().flatten() for picture in (a, b))
            covariance = ((p - p.mean()) * (q - q.mean())).sum() / (p.numel() - 1)
            luminance = (2 * p.mean() * q.mean() + 0.02**2) / (p.mean()**2 + q.mean()**2 + 0.02**2)
            values.append(luminance * (2 * covariance + 0.06**2) / (p.var() + q.var() + 0.06**2))
    return torch.stack(values).mean().item()


@contextlib.contextmanager
def quantised(unet, name: str, kind: str):
    """The layer computes with its weight or its input quantised meanwhile; halves at a skip connection apart."""
    layer, split = unet.get_submodule(name), split_of(unet, name)
    weight = layer.weight.data

    def parts(x):
        return x.split([split, x.shape[1] - split], 1) if split else [x]

    if kind == "weights":
        layer.weight.data = torch.cat([symmetric(part) for part in parts(weight)], 1)
    else:
        hook = layer.register_forward_pre_hook(
            lambda _, inputs: (torch.cat([asymmetric(part) for part in parts(inputs[0])], 1), *inputs[1:]))
    try:
        yield
    finally:
        if kind == "weights":
            layer.weight.data = weight
        else:
            hook.remove()


BLOCK = "down_blocks.1.attentions.0.transformer_blocks.0"


def test_sensitivities_are_those_of_diffusers_network(server, model, prompts, tmp_path):
    sensitivity = act(server, "measure-sensitivity", tmp_path, *DRAWING, "--prompts", prompts, "--steps", 1, "--points", 1)
    used = network_of(model("sd1"))
    assert sorted(sensitivity["layers"]) == sorted(quantised_layers(used.unet))

    def answer() -> tuple[torch.Tensor, torch.Tensor]:
        """The network's first answer, and the picture that it foresees."""
        seen = []
        hook = used.unet.register_forward_hook(lambda _, inputs, kwargs, output: seen.append(
            (inputs, kwargs, output[0])), with_kwargs=True)
        try:
            # Without guidance: the network is asked about the prompt alone.
            reference.latents(model("sd1"), None, num_inference_steps=1, guidance_scale=1, **THEIRS)
        finally:
            hook.remove()
        (x, t), _, noise = seen[0]
        alpha = used.scheduler.alphas_cumprod[int(t)]
        clean = (x - (1 - alpha).sqrt() * noise) / alpha.sqrt()
        with torch.no_grad():
            return noise, used.vae.decode(clean / used.vae.config.scaling_factor).sample

    exact, picture = answer()
    for name in ["down_blocks.1.resnets.0.conv1", "mid_block.attentions.0.proj_in", f"{BLOCK}.attn1.to_v",
                 "up_blocks.2.resnets.0.conv_shortcut", f"{BLOCK}.ff.net.2", f"{BLOCK}.attn2.to_q"]:
        layer = sensitivity["layers"][name]
        is_content = ".ff." in name or ".attn2." in name
        assert layer["class"] == ("content" if is_content else "quality")
        assert layer["weights"]["count"] == used.unet.get_submodule(name).weight.numel()
        for kind in ("weights", "activations"):
            with quantised(used.unet, name, kind):
                noise, foreseen = answer()
            ours = layer[kind]["8"]
            if is_content:
                theirs = similarity(picture, foreseen)
                print(f"{name} {kind}: {1 - ours:.2e} from 1, theirs {1 - theirs:.2e}")
                assert 1 - ours == pytest.approx(1 - theirs, rel=0.1, abs=2e-12)
            else:
                theirs = decibels(exact, noise)
                print(f"{name} {kind}: {ours:.2f} dB, theirs {theirs:.2f}")
                assert ours == pytest.approx(theirs, abs=0.3)
        # Fewer bits are worse.
        assert layer["weights"]["4"] < layer["weights"]["8"]
    assert torch.equal(answer()[0], exact)


def write_sensitivity(file, fingerprint: str, layers: dict) -> None:
    file.write_text(json.dumps({"format": "patchbay-quantizer-sensitivity/1", "model": fingerprint, "layers": layers}))


def made_up(names: list[str]) -> dict:
    random = torch.Generator().manual_seed(5)
    layers = {}
    for name in names:
        four, eight, activations = (torch.rand(3, generator=random).cumsum(0) * 10).tolist()
        layers[name] = {"class": "quality", "weights": {"count": int(torch.randint(1000, 9000, [1], generator=random)),
                                                        "8": eight + 20, "4": four + 20},
                        "activations": {"count": int(torch.randint(100, 900, [1], generator=random)),
                                        "8": activations + 20}}
    return layers


def best_value(layers: dict, kind: str, few: int, many: int, exact: float | None, average: float) -> float:
    """By trying everything."""
    sizes = [layer[kind]["count"] for layer in layers.values()]
    best = -1.0
    for bits in itertools.product((few, many), repeat=len(layers)):
        if sum(bit * size for bit, size in zip(bits, sizes)) <= average * sum(sizes) + 1e-6:
            best = max(best, value(layers, kind, bits, exact))
    return best


def value(layers: dict, kind: str, bits, exact: float | None) -> float:
    return sum(exact if bit == 16 else layer[kind][str(bit)] for bit, layer in zip(bits, layers.values()))


def test_an_allocation_is_the_best_there_is(server, model, program, tmp_path):
    names = list(quantised_layers(network_of(model("sd1")).unet))[3:60:7]
    layers = made_up(names)
    calibrated = act(server, "calibrate", tmp_path, *DRAWING, "--steps", 2)
    write_sensitivity(tmp_path / "s.json", calibrated["model"], layers)
    plan = act(server, "allocate", tmp_path / "out", "--sensitivity", tmp_path / "s.json", "--weights", 5.7, "--activations",
               10, "--ratio", 1)
    of_text = text_layers(network_of(model("sd1")).unet)
    assert list(plan["layers"]) == sorted([*names, *of_text]) and "others" not in plan
    assert of_text == {name: plan["layers"][name] for name in of_text}
    weights = [plan["layers"][name]["weights"] for name in names]
    inputs = [plan["layers"][name]["activations"] for name in names]
    total = sum(layer["weights"]["count"] for layer in layers.values())
    assert sum(bits * layer["weights"]["count"] for bits, layer in zip(weights, layers.values())) <= 5.7 * total
    assert value(layers, "weights", weights, None) == pytest.approx(best_value(layers, "weights", 4, 8, None, 5.7))
    assert value(layers, "activations", inputs, 150) == pytest.approx(
        best_value(layers, "activations", 8, 16, 150, 10))
    # A refined plan keeps its ranges, but for inputs that stay in floating point, and its other layers.
    plan = act(server, "allocate", tmp_path / "out", "--sensitivity", tmp_path / "s.json", "--weights", 5.7, "--activations",
               10, "--plan", tmp_path / "plan.json")
    assert sorted(plan["layers"]) == sorted(calibrated["layers"])
    for name, layer in plan["layers"].items():
        before = calibrated["layers"][name]
        assert layer.get("range") == (before.get("range") if layer["activations"] == 8 else None)
    drawing = ["--size", "64x64", "--seed", 7, "--steps", 3]
    exact, _ = program.generate(model("sd1"), reference.PROMPT, *drawing)
    ours, _ = program.generate(model("sd1"), reference.PROMPT, *drawing, "--plugin", f"quantizer:plan={tmp_path}/out/plan.json")
    assert 1e-4 < relative(ours, exact) < 0.3


def test_measured_and_allocated(server, model, program, prompts, tmp_path):
    """The whole way; the share of both classes is tried out, and fewer bits are seen."""
    act(server, "measure-sensitivity", tmp_path, *DRAWING, "--prompts", prompts, "--steps", 2, "--points", 1)
    plot = ElementTree.parse(tmp_path / "sensitivity.svg").getroot()
    assert len(plot.findall("{*}circle")) == 3 * len(json.loads((tmp_path / "sensitivity.json").read_text())["layers"])
    drawing = ["--size", "64x64", "--seed", 7, "--steps", 3]
    exact, _ = program.generate(model("sd1"), reference.PROMPT, *drawing)
    lost = []
    for average in (8, 6, 4):
        plan = act(server, "allocate", tmp_path, *DRAWING, "--steps", 2, "--sensitivity", tmp_path / "sensitivity.json",
                   "--weights", average)
        sensitivity = json.loads((tmp_path / "sensitivity.json").read_text())["layers"]
        total = sum(layer["weights"]["count"] for layer in sensitivity.values())
        used = sum(plan["layers"][name]["weights"] * layer["weights"]["count"] for name, layer in sensitivity.items())
        assert average - 0.3 < used / total <= average
        ours, _ = program.generate(model("sd1"), reference.PROMPT, *drawing, "--plugin", f"quantizer:plan={tmp_path}/plan.json")
        lost.append(relative(ours, exact))
    print("average bits 8, 6, 4 change the latent by", lost)
    assert lost[0] < lost[1] < lost[2] < 0.5


def test_cancelled_in_the_middle_of_a_calibration(server, api):
    run = start(server, api, plugin="quantizer", action="calibrate", steps="1000", size="64")
    while not (now := watch_once(server, api, run.id)).fraction:
        assert now.state in (api.PLUGIN_ACTION_STATE_QUEUED, api.PLUGIN_ACTION_STATE_RUNNING), now.error
        time.sleep(0.02)
    begin = time.monotonic()
    server.plugins.CancelPluginAction(api.CancelPluginActionRequest(run_id=run.id))
    last = watch(server, api, run.id)[-1]
    assert last.state == api.PLUGIN_ACTION_STATE_CANCELLED and not last.results
    assert last.activity.startswith("picture 1 of 8, step") and time.monotonic() - begin < 10
    assert server.finish(server.create().id).state == api.GENERATION_STATE_SUCCEEDED


def test_an_interrupt_ends_a_measurement(program, model, tmp_path):
    process = subprocess.Popen([program.path, "plugin", "action", "quantizer", "measure-sensitivity", "--model", model("sd1"),
                                "--size", "64", "-o", tmp_path / "made"], text=True, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    process.stderr.readline()
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 130
    assert "cancelled" in process.stderr.read()
    assert not list((tmp_path / "made").iterdir())


def test_what_is_wrong_with_files_is_said(server, model, tmp_path):
    good = act(server, "calibrate", tmp_path, *DRAWING, "--steps", 1)
    name = next(iter(good["layers"]))
    (tmp_path / "cut.json").write_text((tmp_path / "plan.json").read_text()[:200])
    (tmp_path / "other.json").write_text(json.dumps({**good, "model": "another"}))
    (tmp_path / "unknown.json").write_text(json.dumps({**good, "layers": {f"{name}.q": good["layers"][name]}}))
    (tmp_path / "empty.txt").write_text(" \n\n")
    write_sensitivity(tmp_path / "s.json", "another", {})
    write_sensitivity(tmp_path / "half.json", good["model"],
                      {name: {"class": "quality", "weights": {"count": 1, "8": 3}, "activations": {"count": 1, "8": 3}}})
    for action, arguments, says in [
            ("calibrate", ["--prompts", tmp_path / "empty.txt"], "a prompt in each line is wanted"),
            ("calibrate", ["--size", 63], "size: 63 is no multiple of 8"),
            ("calibrate", ["--plan", tmp_path / "cut.json"], "cut.json: this is no JSON: "),
            ("calibrate", ["--plan", tmp_path / "other.json"], "plan: is for the model another, and this is "),
            ("calibrate", ["--plan", tmp_path / "unknown.json"],
             f"plan: /layers/{name}.q: the model has no linear layer or convolution of this name; near it is {name}"),
            ("allocate", [], "sensitivity: is missing"),
            ("allocate", ["--sensitivity", tmp_path / "s.json"], "sensitivity: is for the model another"),
            ("allocate", ["--sensitivity", tmp_path / "plan.json"], "wanted: patchbay-quantizer-sensitivity/1"),
            ("allocate", ["--sensitivity", tmp_path / "half.json"], f"/layers/{name}/weights/4: is missing"),
            ("allocate", ["--sensitivity", tmp_path / "half.json", "--weights", 3], "weights")]:
        wrong = server.run("plugin", "action", "quantizer", action, "-o", tmp_path / "out", *arguments)
        assert wrong.returncode == 1 and says in wrong.stderr, (says, wrong.stderr)
        assert not list((tmp_path / "out").iterdir())


def test_numbers_that_are_not_finite_are_named(new_server, model, tmp_path):
    server = new_server()
    folder = server.models / "damaged"
    shutil.copytree(model("sd1"), folder)
    file = next((folder / "unet").glob("*.safetensors"))
    weights = load_file(file)
    weights["down_blocks.1.resnets.0.conv1.bias"][3] = float("nan")
    save_file(weights, file)
    server.start("--model", "damaged")
    wrong = server.run("plugin", "action", "quantizer", "calibrate", *DRAWING, "--steps", 1, "-o", tmp_path / "out")
    assert wrong.returncode == 1, wrong.stderr
    assert "down_blocks.1.resnets.0.conv2: calibration met numbers that are not finite" in wrong.stderr
