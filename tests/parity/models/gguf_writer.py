"""Models as GGUF files, written with the reference package as stable-diffusion.cpp and ComfyUI-GGUF write them.

Types for which the package has no quantizer get random blocks: what they stand for is whatever the package's own
dequantizer makes of them.
"""

from __future__ import annotations

import itertools
import pathlib

import gguf
import numpy
import torch

TYPES = gguf.GGMLQuantizationType
SMALL = [TYPES.Q8_0, TYPES.Q4_0, TYPES.Q4_1, TYPES.Q5_0, TYPES.Q5_1]
LARGE = [TYPES.Q4_K, TYPES.Q5_K, TYPES.Q6_K]
PLAIN = [TYPES.F16, TYPES.BF16, TYPES.F32]
# Where the 16-bit scales stand in a block, and a size for them that gives numbers like a network's.
SCALES = {TYPES.Q4_K: ((0, 2), 1e-4), TYPES.Q5_K: ((0, 2), 5e-5), TYPES.Q6_K: ((208,), 2e-5)}


def random_blocks(kind, rows: int, columns: int, random: numpy.random.Generator) -> numpy.ndarray:
    block, size = gguf.GGML_QUANT_SIZES[kind]
    blocks = random.integers(0, 256, (rows * columns // block, size), numpy.uint8)
    places, scale = SCALES[kind]
    for place in places:
        values = (scale * random.uniform(-1, 1, len(blocks))).astype(numpy.float16)
        blocks[:, place:place + 2] = values.view(numpy.uint8).reshape(-1, 2)
    return blocks.reshape(rows, -1)


def stored(values: numpy.ndarray, kind, random: numpy.random.Generator) -> numpy.ndarray:
    if kind in SCALES:
        return random_blocks(kind, *values.shape, random)
    return gguf.quants.quantize(values, kind)


def write_tensors(path: pathlib.Path, state: dict[str, torch.Tensor], kinds=None, seed: int = 0,
               architecture: str | None = "sd1") -> tuple[dict[str, torch.Tensor], dict[str, object]]:
    """Writes the tensors, each in one of the types `kinds` in turn (all by default) where its size allows it, else in
    16 or 32 bits; whole numbers as they are. Returns what the file's numbers are by the reference, and each tensor's
    type."""
    random = numpy.random.default_rng(seed)
    kinds = kinds or SMALL + LARGE
    small = itertools.cycle([kind for kind in kinds if kind in SMALL] or [None])
    large = itertools.cycle([kind for kind in kinds if kind in LARGE] or [None])
    plain = itertools.cycle([kind for kind in kinds if kind in PLAIN] or PLAIN)
    numbers = itertools.count()
    writer = gguf.GGUFWriter(path, architecture or "")
    values, types = {}, {}
    for name, tensor in state.items():
        if not tensor.is_floating_point():
            writer.add_tensor(name, tensor.numpy())
            values[name] = tensor
            continue
        array = shaped = tensor.float().numpy()
        rows_fit = array.ndim > 0 and array.shape[-1] % 32 == 0
        kind = None
        if array.ndim > 1 and array.size % 256 == 0 and (not rows_fit or next(numbers) % 2 == 0):
            kind = next(large)
            if kind is not None and array.shape[-1] % 256 != 0:
                # As ComfyUI-GGUF's convert.py does where rows do not make whole blocks.
                shaped = array.reshape(-1, 256)
                writer.add_array(f"comfy.gguf.orig_shape.{name}", [int(size) for size in array.shape])
        elif rows_fit:
            kind = next(small)
        kind = kind or (next(plain) if array.ndim else TYPES.F32)
        flat = shaped.reshape(-1, shaped.shape[-1]) if shaped.ndim > 1 else shaped
        data = stored(flat, kind, random)
        values[name] = torch.from_numpy(gguf.quants.dequantize(data, kind).reshape(array.shape).copy())
        types[name] = kind
        writer.add_tensor(name, data.reshape(*shaped.shape[:-1], -1), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return values, types
