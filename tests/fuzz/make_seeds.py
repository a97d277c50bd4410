"""Writes the fuzzers' small seed files; needs gguf, Pillow, safetensors and torch."""

import collections
import pathlib
import pickle
import struct
import zipfile

import gguf
import numpy
import torch
from PIL import Image, PngImagePlugin
from safetensors.numpy import save_file

SEEDS = pathlib.Path(__file__).parent / "corpus"


def write_safetensors(folder: pathlib.Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    save_file(
        {"a": numpy.zeros((2, 3), numpy.float16), "b": numpy.zeros((), numpy.int64),
         "c": numpy.zeros((0, 4), numpy.uint8)},
        folder / "three_tensors", metadata={"format": "pt"})
    header = b'{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}'
    (folder / "duplicate_key").write_bytes(struct.pack("<Q", len(header)) + header + b"\0")
    header = b'{"a":{"dtype":"F32","shape":[4611686018427387904],"data_offsets":[0,0]}}'
    (folder / "wrapping_size").write_bytes(struct.pack("<Q", len(header)) + header)
    (folder / "empty").write_bytes(struct.pack("<Q", 2) + b"{}")


def write_gguf(folder: pathlib.Path) -> None:
    """A tensor of each type that is read, one of them rearranged; metadata of several kinds; another alignment."""
    folder.mkdir(parents=True, exist_ok=True)
    types = gguf.GGMLQuantizationType
    for name, alignment in (("every_type", None), ("aligned", 64)):
        writer = gguf.GGUFWriter(folder / name, "sd1")
        if alignment:
            writer.add_custom_alignment(alignment)
        writer.add_array("comfy.gguf.orig_shape.rearranged", [4, 8, 2, 4])
        writer.add_array("general.tags", ["text-to-image", "small"])
        writer.add_float32("some.number", 0.5)
        for kind in (types.F32, types.F16, types.BF16, types.F64, types.I32, types.Q4_0, types.Q4_1, types.Q5_0,
                     types.Q5_1, types.Q8_0, types.Q4_K, types.Q5_K, types.Q6_K):
            block, size = gguf.GGML_QUANT_SIZES[kind]
            writer.add_tensor("rearranged" if kind == types.Q4_K else kind.name,
                              numpy.zeros((1, size * max(1, 256 // block)), numpy.uint8), raw_dtype=kind)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()


def write_pictures(folder: pathlib.Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    ramp = numpy.arange(12 * 10 * 4, dtype=numpy.uint8).reshape(10, 12, 4)
    rgba = Image.fromarray(ramp, "RGBA")
    rgb = rgba.convert("RGB")
    exif = Image.Exif()
    exif[0x0112] = 6
    text = PngImagePlugin.PngInfo()
    text.add_text("parameters", "a cat")
    text.add_itxt("unicode", "\u732b")
    rgba.save(folder / "alpha.png", pnginfo=text, exif=exif)
    rgb.quantize(8).save(folder / "palette.png", transparency=0)
    Image.fromarray(ramp[..., 0].astype(numpy.uint16) * 257).save(folder / "grey16.png")
    rgb.save(folder / "rotated.jpg", exif=exif)
    rgb.save(folder / "progressive.jpg", progressive=True)
    rgb.convert("CMYK").save(folder / "cmyk.jpg")
    rgb.convert("L").save(folder / "grey.jpg")
    rgb.save(folder / "lossy.webp", exif=exif)
    rgba.save(folder / "lossless.webp", lossless=True)
    rgba.save(folder / "alpha.webp")
    rgba.save(folder / "animation.webp", save_all=True, append_images=[rgba.rotate(90)])


def write_pytorch(files: pathlib.Path, pickles: pathlib.Path) -> None:
    """Tensors of several kinds, views, a checkpoint, code; each as a file and as the pickle in it."""
    files.mkdir(parents=True, exist_ok=True)
    pickles.mkdir(parents=True, exist_ok=True)
    storage = torch.arange(6.0)
    state = torch.nn.Linear(1, 2).state_dict()
    seeds = {"views": {"turned": storage.view(2, 3).t(), "part": storage[2:4], "empty": torch.zeros(0, 2)},
             "types": [torch.zeros(1, dtype=kind) for kind in (torch.float16, torch.bfloat16, torch.int64, torch.uint8)],
             "checkpoint": {"state_dict": state, "global_step": 70000, "loss": 0.5, "last": None, "done": True},
             "parameters": collections.OrderedDict(w=torch.nn.Parameter(torch.ones(1))), "code": {"w": print}}
    for name, given in seeds.items():
        torch.save(given, files / name)
        with zipfile.ZipFile(files / name) as archive:
            (pickles / name).write_bytes(archive.read(f"{name}/data.pkl"))
    (pickles / "protocol_4").write_bytes(pickle.dumps({"a": [1, 2]}, protocol=4))


if __name__ == "__main__":
    write_safetensors(SEEDS / "safetensors_fuzz")
    write_gguf(SEEDS / "gguf_fuzz")
    write_pictures(SEEDS / "picture_fuzz")
    write_pytorch(SEEDS / "pytorch_fuzz", SEEDS / "pickle_fuzz")
