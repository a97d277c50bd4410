"""What plugins cost and gain: an idle chain's overhead, and HiDiffusion beside its authors' package."""

import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import peers
import torch

PROMPT = "a red apple"
DEFAULT_MODEL, DEFAULT_SIZE = "models/default", 128
PAIRS = 200


def step_seconds(build, model, steps, threads, *arguments):
    """The duration of each step of a picture."""
    with tempfile.TemporaryDirectory() as folder:
        command = [build / "bin/patchbay", "generate", PROMPT, "--steps", steps, "--threads", threads, "--seed", 7,
                   "--json", "-o", f"{folder}/picture.png", *arguments]
        if model is not None:
            command += ["--model", model]
        answer = subprocess.run([str(word) for word in command], check=True, capture_output=True)
    return json.loads(answer.stdout)["step_seconds"]


def bench_idle_chain(program, runs, threads):
    """A step of the model that comes along with a chain in which every site is looked up and nothing acts, beside
    one without a chain: pairs of steps in one process, since the machine's speed drifts by more than that."""
    ours = peers.Ours(program, DEFAULT_MODEL, "bf16", threads, DEFAULT_SIZE)
    ours.step()
    shares = [ours.idle_chain_cost(PAIRS) for _ in range(runs)]
    each = ", ".join(f"{100 * share:+.2f}" for share in sorted(shares))
    print(f"\nmodels/default, bf16: a chain without work adds {100 * statistics.median(shares):+.2f} % to a step "
          f"(medians of {PAIRS} pairs: {each})")


def full_model(cache, unet):
    """A pipeline around the random U-Net. Text encoder and autoencoder are small: they are not measured."""
    from diffusers import AutoencoderKL, EulerDiscreteScheduler, StableDiffusionPipeline
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

    model = cache / "sd15-random-pipeline"
    if (model / "model_index.json").exists():
        return model
    torch.manual_seed(0)
    tokenizer = CLIPTokenizer.from_pretrained("models/default/tokenizer")
    text = CLIPTextModel(CLIPTextConfig(
        vocab_size=len(tokenizer), hidden_size=768, intermediate_size=768, num_hidden_layers=1, num_attention_heads=12,
        bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id))
    vae = AutoencoderKL(block_out_channels=(8, 8, 8, 8), norm_num_groups=4, layers_per_block=1,
                        down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4)
    scheduler = EulerDiscreteScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", steps_offset=1,
                                       timestep_spacing="leading")
    StableDiffusionPipeline(vae=vae, text_encoder=text, tokenizer=tokenizer, unet=unet, scheduler=scheduler,
                            safety_checker=None, feature_extractor=None).save_pretrained(model)
    return model


def package(model, precision, size, steps):
    """The authors' package on diffusers: seconds of each step."""
    from diffusers import StableDiffusionPipeline
    from diffusers.models.controlnets import multicontrolnet

    # The package looks for a module under the name that it had in older versions of diffusers.
    sys.modules.setdefault("diffusers.pipelines.controlnet.multicontrolnet", multicontrolnet)
    import hidiffusion

    pipeline = StableDiffusionPipeline.from_pretrained(model, torch_dtype=precision, safety_checker=None)
    pipeline.set_progress_bar_config(disable=True)
    pipeline.unet.to(memory_format=torch.channels_last)
    pipeline.register_to_config(_name_or_path="runwayml/stable-diffusion-v1-5")
    hidiffusion.apply_hidiffusion(pipeline)
    seconds = []
    started = time.perf_counter()

    def on_step(_pipeline, _step, _timestep, arguments):
        nonlocal started
        now = time.perf_counter()
        seconds.append(now - started)
        started = now
        return arguments

    pipeline(PROMPT, width=size, height=size, num_inference_steps=steps, output_type="latent",
             callback_on_step_end=on_step)
    return seconds


def bench_hidiffusion(build, model, precision, precision_name, size, steps, threads):
    """One picture each: ours without, ours with the plugin, the package's."""
    arguments = ["--size", f"{size}x{size}", "--sampler", "euler", "--precision", precision_name]
    off = step_seconds(build, model, 1, threads, *arguments)[0] * steps
    on = sum(step_seconds(build, model, steps, threads, *arguments, "--plugin", "hidiffusion"))
    theirs = sum(package(model, precision, size, steps))
    print(f"\nHiDiffusion, Stable Diffusion 1.5's U-Net, {precision_name}, {size}x{size}, {steps} steps with guidance: "
          f"{on:.1f} s, off {off:.1f} s ({off / on:.2f} x as long), the authors' package on diffusers {theirs:.1f} s "
          f"(patchbay is {on / theirs:.2f} x)", flush=True)


def bench_plugins(build, unet_folder, arguments, precisions):
    from diffusers import UNet2DConditionModel

    bench_idle_chain(build / "bin/patchbay_bench", arguments.runs, arguments.threads)
    unet = UNet2DConditionModel.from_pretrained(unet_folder, subfolder="unet", torch_dtype=torch.bfloat16)
    model = full_model(pathlib.Path(arguments.cache), unet)
    del unet
    for name in arguments.precision:
        for size in arguments.plugin_sizes:
            bench_hidiffusion(build, model, precisions[name], name, size, arguments.plugin_steps, arguments.threads)
