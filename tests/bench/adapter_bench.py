"""What the plugins cost that draw after a picture: MoMA's pass over the reference, and the attention to it."""

import json
import pathlib
import statistics
import subprocess
import tempfile

import torch
from diffusers import UNet2DConditionModel
from PIL import Image
from plugin_bench import DEFAULT_MODEL, PROMPT
from safetensors.torch import save_file

STEPS = 10
TOKENS, EMBEDDING = 4, 192


def write_adapter(folder):
    """A MoMA adapter with random weights for the model that comes along, a picture, and tokens."""
    unet = UNet2DConditionModel.from_pretrained(DEFAULT_MODEL, subfolder="unet")
    text = unet.config.cross_attention_dim
    torch.manual_seed(0)
    tensors = {"image_proj.proj.weight": torch.randn(TOKENS * text, EMBEDDING) / EMBEDDING ** 0.5,
               "image_proj.proj.bias": torch.zeros(TOKENS * text),
               "image_proj.norm.weight": torch.ones(text), "image_proj.norm.bias": torch.zeros(text)}
    for number, name in enumerate(unet.attn_processors):
        width = unet.get_submodule(name.removesuffix(".processor")).to_k.out_features
        columns = width if number % 2 == 0 else text
        for layer in ("to_k_ip", "to_v_ip"):
            tensors[f"attn.{number}.{layer}.weight"] = torch.randn(width, columns) / columns ** 0.5
        if number % 2 == 0:
            tensors[f"attn.{number}.scale"] = torch.full((1,), 0.1)
    save_file({f"moma.{name}": tensor for name, tensor in tensors.items()}, folder / "adapter.safetensors")
    save_file({"moma_embedding": torch.randn(EMBEDDING)}, folder / "tokens.safetensors")
    Image.radial_gradient("L").convert("RGB").save(folder / "picture.png")
    return folder


def steps(build, threads, batch, folder, arguments):
    """The duration of each step, and the first picture's bytes."""
    command = [build / "bin/patchbay", "generate", PROMPT, "--model", DEFAULT_MODEL, "--steps", STEPS, "--threads", threads,
               "--batch", batch, "--seed", 7, "--json", "-o", folder / "drawn.png", *arguments]
    answer = subprocess.run([str(word) for word in command], check=True, capture_output=True, text=True)
    report = json.loads(answer.stdout)
    return report["step_seconds"], Image.open(report["files"][0]).tobytes()


def bench_adapters(build, runs, threads):
    """Each way in turns. MoMA looks at its reference before the second step, once for the whole batch: what that step
    takes beyond the later ones is counted in steps without the plugin, each of which is an evaluation of all the
    batch's pictures with guidance."""
    with tempfile.TemporaryDirectory() as name:
        folder = write_adapter(pathlib.Path(name))
        moma = f"moma:image={folder}/picture.png,subject=apple,adapter={folder}/adapter.safetensors"
        ways = {"without": [], "strength=0": ["--plugin", f"{moma},strength=0"], "identity branch": ["--plugin", moma],
                "both branches": ["--plugin", f"{moma},tokens={folder}/tokens.safetensors"]}
        for batch in (1, 4):
            later, reference, drawn = ({way: [] for way in ways} for _ in range(3))
            for _ in range(runs):
                for way, arguments in ways.items():
                    seconds, pixels = steps(build, threads, batch, folder, arguments)
                    later[way].append(statistics.median(seconds[2:]))
                    reference[way].append(seconds[1] - later[way][-1])
                    drawn[way].append(pixels)
            assert drawn["strength=0"] == drawn["without"], "strength=0 draws another picture"
            plain = statistics.median(later["without"])
            print(f"\nMoMA, models/default, batch of {batch}, with guidance\n{'':18} {'s a step':>9} {'of without':>11} "
                  f"{'the reference, in steps':>24}")
            for way in ways:
                step = statistics.median(later[way])
                print(f"{way:18} {step:9.4f} {step / plain:9.2f} x {statistics.median(reference[way]) / plain:22.2f}",
                      flush=True)
