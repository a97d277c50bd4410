"""Compares our denoiser step with diffusers' on this machine and prints a table; see README.md."""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import tempfile

import torch
from diffusers import UNet2DConditionModel

import adapter_bench
import bridge_bench
import outpainter_bench
import outpainter_clip_bench
import peers
import plugin_bench
import plugin_effects
import quantizer_bench

PRECISIONS = {"bf16": torch.bfloat16, "fp32": torch.float32}
# A 512x512 step with guidance: multiplications and additions of Stable Diffusion 1.5's U-Net.
STEP_FLOP_512 = 1.61e12


def parse_arguments():
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__)
    parser.add_argument("--precision", choices=PRECISIONS, nargs="+", default=["bf16", "fp32"])
    parser.add_argument("--runs", type=int, default=5, help="interleaved runs per program")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--size", type=int, default=512, help="side of the picture in pixels")
    parser.add_argument("--compile", action="store_true", help="also torch.compile with freezing")
    parser.add_argument("--openvino", action="store_true", help="also OpenVINO")
    parser.add_argument("--operators", action="store_true", help="operators instead of whole steps")
    parser.add_argument("--adapters", action="store_true", help="what MoMA adds to a step of the model that comes along")
    parser.add_argument("--plugins", action="store_true", help="plugins instead of whole steps")
    parser.add_argument("--quantizer", action="store_true", help="the quantizer beside NNCF and torchao")
    parser.add_argument("--sdxl", action="store_true", help="the quantizer also on SDXL-Turbo's shape")
    parser.add_argument("--bridges", action="store_true", help="pictures through the bridges instead of whole steps")
    parser.add_argument("--bridge-steps", type=int, default=20, help="steps of these pictures")
    parser.add_argument("--effects", type=int, nargs="?", const=40, metavar="PICTURES",
                        help="what plugins change in pictures of the model that comes along")
    parser.add_argument("--outpainter", type=int, nargs="?", const=50, metavar="PICTURES",
                        help="pictures extended by the outpainter beside plain inpainting")
    parser.add_argument("--references", type=int, nargs="?", const=12, metavar="PICTURES",
                        help="pictures extended by the outpainter with and without reference pictures")
    parser.add_argument("--clips", type=int, nargs="?", const=6, help="clips extended by the outpainter")
    parser.add_argument("--motion-module", type=pathlib.Path, help="for --clips: also with this motion module")
    parser.add_argument("--adapt", type=int, default=200, metavar="STEPS", help="for --clips and --references: steps of the adaptation")
    parser.add_argument("--work", type=pathlib.Path, default=pathlib.Path("models/.work"),
                        help="where the default model's data are (see models/README.md)")
    parser.add_argument("--plugin-sizes", type=int, nargs="+", default=[1024], help="sides for HiDiffusion")
    parser.add_argument("--plugin-steps", type=int, default=5, help="steps for HiDiffusion")
    parser.add_argument("--cache", type=pathlib.Path, default=pathlib.Path("out/bench"))
    return parser.parse_args()


def random_model(cache):
    """A folder with a randomly initialised U-Net of Stable Diffusion 1.5's shape, made once."""
    model = cache / "sd15-random"
    if (model / "unet" / "config.json").exists():
        return model
    print(f"Making a random model in {model} ...", flush=True)
    torch.manual_seed(0)
    unet = UNet2DConditionModel(sample_size=64, cross_attention_dim=768, attention_head_dim=8)
    unet.to(torch.bfloat16).save_pretrained(model / "unet")
    return model


def measure(programs, roofline, runs):
    """Steps of all programs in turn, so that a busy moment of the machine hits all alike."""
    seconds = {name: [] for name in programs}
    products, convolutions = [], []
    for program in programs.values():
        program.step()
    for _ in range(runs):
        for name, program in programs.items():
            seconds[name].append(program.step())
        products.append(roofline.product())
        convolutions.append(roofline.convolution())
    return ({name: statistics.median(values) for name, values in seconds.items()},
            max(products), max(convolutions))


def bench(arguments, program, model, precision_name):
    precision = PRECISIONS[precision_name]
    size, threads = arguments.size, arguments.threads
    programs = {
        "patchbay": peers.Ours(program, model, precision_name, threads, size),
        "diffusers, eager": peers.Diffusers(model, precision, size),
    }
    if arguments.compile:
        programs["diffusers, compiled"] = peers.Diffusers(model, precision, size, compiled=True)
    if arguments.openvino:
        programs["OpenVINO"] = peers.OpenVino(model, precision, threads, size)
    medians, product, convolution = measure(programs, peers.Roofline(precision), arguments.runs)

    print(f"\n{precision_name}, {size}x{size}, guidance (batch 2), {threads} threads, "
          f"median of {arguments.runs}")
    print(f"{'program':22} {'s a step':>9} {'patchbay is':>12} {'load s':>7}")
    for name, median in medians.items():
        load = getattr(programs[name], "load_seconds", None)
        print(f"{name:22} {median:9.3f} {medians['patchbay'] / median:10.2f} x "
              f"{'' if load is None else f'{load:7.2f}'}")
    weights = sum(file.stat().st_size for file in (model / "unet").glob("*.safetensors"))
    weights *= precision.itemsize / 2
    peak = programs["patchbay"].peak_bytes()
    print(f"peak memory of patchbay {peak / 2**30:.2f} GiB = weights {weights / 2**30:.2f} GiB "
          f"+ {(peak - weights) / 2**30:.2f} GiB")
    print(f"best speed of this run: product {product / 1e9:.0f} GFLOP/s, "
          f"convolution {convolution / 1e9:.0f} GFLOP/s", end="")
    if size == 512:
        bound = STEP_FLOP_512 / max(product, convolution)
        print(f"; a step cannot be below {bound:.2f} s at that speed", end="")
    print(flush=True)
    programs["patchbay"].process.kill()


def bench_picture(build, runs, threads):
    """A whole picture of the model in models/default, and the share of it that is neither steps nor
    autoencoder."""
    reports = []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(runs):
            answer = subprocess.run(
                [build / "bin" / "patchbay", "generate", "a red apple", "--steps", "20", "--threads",
                 str(threads), "--json", "-o", f"{folder}/apple.png"],
                check=True, capture_output=True)
            reports.append(json.loads(answer.stdout))
    report = sorted(reports, key=lambda report: report["total_seconds"])[len(reports) // 2]
    drawing = sum(report["step_seconds"]) + report["vae_seconds"]
    total = report["total_seconds"]
    print(f"\nmodels/default, {'x'.join(map(str, report['size']))}, 20 steps, {threads} threads: "
          f"{total:.2f} s, loading {report['load_seconds']:.2f} s; "
          f"{100 * (1 - drawing / total):.1f} % of the time outside denoiser and autoencoder")


def main():
    arguments = parse_arguments()
    torch.set_num_threads(arguments.threads)
    build = pathlib.Path(os.environ.get("PATCHBAY_BUILD", "build/release"))
    program = build / "bin" / "patchbay_bench"
    if not program.exists():
        raise SystemExit(f"{program} is missing: build the target patchbay_bench first")
    if arguments.effects:
        plugin_effects.bench_effects(build, arguments.effects)
        return
    if arguments.outpainter:
        outpainter_bench.bench_outpainter(build, arguments.outpainter, arguments.work)
        return
    if arguments.references:
        outpainter_bench.bench_references(build, arguments.references, arguments.work, arguments.adapt)
        return
    if arguments.clips:
        outpainter_clip_bench.bench_clips(build, arguments.clips, arguments.work, arguments.motion_module, arguments.adapt)
        return
    if arguments.adapters:
        adapter_bench.bench_adapters(build, arguments.runs, arguments.threads)
        return
    if arguments.bridges:
        bridge_bench.bench_bridges(build, arguments.runs, arguments.threads, arguments.bridge_steps)
        return
    if arguments.operators:
        for precision in arguments.precision:
            print(f"\n{precision}", flush=True)
            os.spawnv(os.P_WAIT, program,
                      [str(program), "operators", precision, str(arguments.threads)])
        return
    model = random_model(arguments.cache)
    if arguments.plugins:
        plugin_bench.bench_plugins(build, model, arguments, PRECISIONS)
        return
    if arguments.quantizer:
        quantizer_bench.bench_quantizer(build, model, arguments)
        return
    for precision in arguments.precision:
        bench(arguments, program, model, precision)
    bench_picture(build, arguments.runs, arguments.threads)


if __name__ == "__main__":
    main()
