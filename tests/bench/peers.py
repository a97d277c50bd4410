"""The programs that ./dev bench compares: each offers step() -> seconds for one denoiser step."""

import resource
import statistics
import subprocess
import time

import torch
from diffusers import UNet2DConditionModel

TEXT_TOKENS = 77
# The first may find the files on the disk; the median finds them in memory.
LOADS = 3


class Ours:
    """patchbay_bench in its own process."""

    def __init__(self, program, model, precision, threads, size):
        self.command = [program, "unet", str(model), precision, str(threads), str(size)]
        self.process = None
        self.load_seconds = statistics.median(self._start() for _ in range(LOADS))

    def _start(self):
        if self.process:
            self.process.kill()
            self.process.wait()
        self.process = subprocess.Popen(
            self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        return float(self._answer().split()[1])

    def _answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit("patchbay_bench ended: see its message above")
        return line

    def _ask(self, word):
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()
        return float(self._answer())

    def step(self):
        return self._ask("step")

    def idle_chain_cost(self, pairs):
        return self._ask(f"idle {pairs}")

    def peak_bytes(self):
        return self._ask("peak")


def random_inputs(precision, size):
    generator = torch.Generator().manual_seed(0)
    sample = torch.randn(2, 4, size // 8, size // 8, generator=generator)
    text = torch.randn(2, TEXT_TOKENS, 768, generator=generator)
    return sample.to(precision), torch.tensor(500), text.to(precision)


class Diffusers:
    """UNet2DConditionModel, channels-last, eager or compiled with frozen weights."""

    def __init__(self, model, precision, size, compiled=False):
        self.load_seconds = statistics.median(self._load(model, precision) for _ in range(LOADS))
        unet = self.unet
        self.unet = torch.compile(unet, options={"freezing": True}) if compiled else unet
        self.inputs = random_inputs(precision, size)

    def _load(self, model, precision):
        self.unet = None
        start = time.perf_counter()
        unet = UNet2DConditionModel.from_pretrained(model, subfolder="unet", torch_dtype=precision)
        self.unet = unet.eval().to(memory_format=torch.channels_last)
        return time.perf_counter() - start

    def step(self):
        start = time.perf_counter()
        # torch.compile freezes under no_grad only.
        with torch.no_grad() if self.unet.__class__.__name__ == "OptimizedModule" else \
                torch.inference_mode():
            self.unet(*self.inputs, return_dict=False)
        return time.perf_counter() - start

    def peak_bytes(self):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


class OpenVino:
    """The same network converted on the spot."""

    def __init__(self, model, precision, threads, size):
        import openvino
        unet = UNet2DConditionModel.from_pretrained(model, subfolder="unet", torch_dtype=torch.float32)
        sample, timestep, text = random_inputs(torch.float32, size)
        converted = openvino.convert_model(
            unet.eval(), example_input=(sample, timestep, text),
            input=[sample.shape, timestep.shape, text.shape])
        self.inputs = [sample.numpy(), timestep.numpy(), text.numpy()]
        hint = {torch.bfloat16: "bf16", torch.float32: "f32"}[precision]
        self.compiled = openvino.compile_model(self.prepared(converted), "CPU", {
            "INFERENCE_PRECISION_HINT": hint, "INFERENCE_NUM_THREADS": threads})

    def prepared(self, converted):
        """The converted network as it is compiled."""
        return converted

    def step(self):
        start = time.perf_counter()
        self.compiled(self.inputs)
        return time.perf_counter() - start


class Roofline:
    """The machine's own speed at a product and a convolution of the network's size, in FLOP/s."""

    def __init__(self, precision):
        self.a = torch.randn(8192, 1280).to(precision)
        self.b = torch.randn(1280, 1280).to(precision)
        self.x = torch.randn(2, 320, 64, 64).to(precision).contiguous(memory_format=torch.channels_last)
        self.w = torch.randn(320, 320, 3, 3).to(precision).contiguous(memory_format=torch.channels_last)

    @staticmethod
    def _speed(flop, work):
        with torch.inference_mode():
            start = time.perf_counter()
            work()
            return flop / (time.perf_counter() - start)

    def product(self):
        return self._speed(2 * 8192 * 1280 * 1280, lambda: self.a @ self.b)

    def convolution(self):
        return self._speed(2 * 2 * 64 * 64 * 320 * 320 * 9,
                           lambda: torch.conv2d(self.x, self.w, padding=1))
