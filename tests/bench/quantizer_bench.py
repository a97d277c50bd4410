"""What the quantizer saves and gains on full-sized networks, beside OpenVINO's NNCF and torchao's dynamic int8."""

import json
import pathlib
import statistics
import subprocess
import tempfile
import time

import torch
from diffusers import AutoencoderKL, EulerDiscreteScheduler, StableDiffusionXLPipeline, UNet2DConditionModel

import peers
import plugin_bench

SIZE = 512
SCHEMES = ["w8a8", "w4a8"]
MEBI = 2**20
# SDXL-Turbo's U-Net.
SDXL = {"sample_size": 64, "cross_attention_dim": 2048, "block_out_channels": (320, 640, 1280),
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        "transformer_layers_per_block": (1, 2, 10), "attention_head_dim": (5, 10, 20), "use_linear_projection": True,
        "addition_embed_type": "text_time", "addition_time_embed_dim": 256, "projection_class_embeddings_input_dim": 2816}


def sdxl_turbo(cache):
    """A pipeline around a random U-Net of SDXL-Turbo's shape. Text encoders and autoencoder are small."""
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

    model = cache / "sdxl-turbo-random-pipeline"
    if (model / "model_index.json").exists():
        return model
    print(f"Making a random model in {model} ...", flush=True)
    torch.manual_seed(0)
    tokenizer = CLIPTokenizer.from_pretrained("models/default/tokenizer")

    def text(kind, width, heads, **more):
        return kind(CLIPTextConfig(
            vocab_size=len(tokenizer), hidden_size=width, intermediate_size=width, num_hidden_layers=2,
            num_attention_heads=heads, bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id, **more))

    torch.set_default_dtype(torch.bfloat16)
    unet = UNet2DConditionModel(**SDXL)
    torch.set_default_dtype(torch.float32)
    StableDiffusionXLPipeline(
        vae=AutoencoderKL(block_out_channels=(8, 8, 8, 8), norm_num_groups=4, layers_per_block=1, sample_size=SIZE,
                          down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4),
        text_encoder=text(CLIPTextModel, 768, 12),
        text_encoder_2=text(CLIPTextModelWithProjection, 1280, 20, projection_dim=1280),
        tokenizer=tokenizer, tokenizer_2=tokenizer, unet=unet,
        scheduler=EulerDiscreteScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear",
                                         timestep_spacing="trailing")).save_pretrained(model)
    return model


def peak_anonymous_memory(process):
    """The most memory that is not a mapped file's, in bytes, while the process runs."""
    peak = 0
    while process.poll() is None:
        try:
            status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
        except OSError:
            break
        peak = max([peak] + [1024 * int(line.split()[1]) for line in status.splitlines() if line.startswith("RssAnon")])
        time.sleep(0.02)
    return peak


class Ours:
    """Pictures of two steps in bf16; the second counts."""

    def __init__(self, build, model, threads, guidance, plugin=None):
        self.command = [str(word) for word in (
            build / "bin/patchbay", "generate", "an apple", "--model", model, "--size", f"{SIZE}x{SIZE}", "--steps", 2,
            "--sampler", "euler", "--guidance", guidance, "--precision", "bf16", "--threads", threads, "--seed", 7,
            "--json")] + (["--plugin", plugin] if plugin else [])
        self.peak = self.weights = 0

    def step(self):
        with tempfile.TemporaryDirectory() as folder:
            process = subprocess.Popen([*self.command, "-o", f"{folder}/picture.png"], stdout=subprocess.PIPE,
                                       stderr=subprocess.DEVNULL)
            self.peak = max(self.peak, peak_anonymous_memory(process))
            answer = process.communicate()[0]
        if process.returncode != 0:
            raise SystemExit(f"{' '.join(self.command)} failed")
        report = json.loads(answer)
        self.weights = sum(report["weight_bytes"].values())
        return report["step_seconds"][-1]


class Nncf(peers.OpenVino):
    """OpenVINO with weights and activations in int8, calibrated by NNCF's post-training quantisation."""

    def prepared(self, converted):
        import nncf
        return nncf.quantize(converted, nncf.Dataset([self.inputs]), subset_size=1, fast_bias_correction=True,
                             model_type=nncf.ModelType.TRANSFORMER)


class Torchao(peers.Diffusers):
    """Linear layers with int8 weights and activations quantised at each call; convolutions stay in bf16."""

    def __init__(self, model, size, compiled):
        super().__init__(model, torch.bfloat16, size)
        from torchao.quantization import Int8DynamicActivationInt8WeightConfig, quantize_
        quantize_(self.unet, Int8DynamicActivationInt8WeightConfig())
        if compiled:
            self.unet = torch.compile(self.unet)


def others(model, threads):
    return {"OpenVINO bf16": lambda: peers.OpenVino(model, torch.bfloat16, threads, SIZE),
            "OpenVINO NNCF int8": lambda: Nncf(model, torch.bfloat16, threads, SIZE),
            "torchao int8, eager": lambda: Torchao(model, SIZE, compiled=False),
            "torchao int8, compiled": lambda: Torchao(model, SIZE, compiled=True)}


def bench_model(build, name, model, guidance, runs, threads, peer_makers):
    programs = {"patchbay bf16": Ours(build, model, threads, guidance)}
    for scheme in SCHEMES:
        programs[f"patchbay {scheme}"] = Ours(build, model, threads, guidance, f"quantizer:scheme={scheme}")
    for peer, make in peer_makers.items():
        programs[peer] = make()
        programs[peer].step()
    seconds = {program: [] for program in programs}
    for _ in range(runs):
        for program, runner in programs.items():
            seconds[program].append(runner.step())
    medians = {program: statistics.median(values) for program, values in seconds.items()}
    floating = programs["patchbay bf16"].weights
    print(f"\n{name}, {SIZE}x{SIZE}, {threads} threads, median of {runs}; the U-Net is {floating / MEBI:.0f} MiB in bf16")
    print(f"{'program':24} {'s a step':>9} {'bf16 over it':>13} {'w8a8 over it':>13} {'peak MiB':>9} {'weights':>8}")
    for program, median in medians.items():
        memory = ""
        if program.startswith("patchbay"):
            memory = f"{programs[program].peak / MEBI:9.0f} {programs[program].weights / floating:6.3f} x"
        print(f"{program:24} {median:9.3f} {medians['patchbay bf16'] / median:11.2f} x "
              f"{medians['patchbay w8a8'] / median:11.2f} x {memory}", flush=True)


def bench_quantizer(build, unet_folder, arguments):
    cache = pathlib.Path(arguments.cache)
    unet = UNet2DConditionModel.from_pretrained(unet_folder, subfolder="unet", torch_dtype=torch.bfloat16)
    model = plugin_bench.full_model(cache, unet)
    del unet
    bench_model(build, "Stable Diffusion 1.5's U-Net with guidance", model, 7.5, arguments.runs, arguments.threads,
                others(model, arguments.threads))
    if arguments.sdxl:  # alone: its weights leave no room for the peers'
        bench_model(build, "SDXL-Turbo's U-Net without guidance", sdxl_turbo(cache), 1, arguments.runs,
                    arguments.threads, {})
