"""Graphs of our nodes, and the same requests as direct gRPC calls."""

from __future__ import annotations

import io
import socket

from PIL import Image

SAMPLING = {"positive": "an apple", "negative": "blurry", "seed": 5, "steps": 3, "cfg": 6.0, "sampler_name": "euler",
            "scheduler": "normal"}


def text_to_image(model: str = "sd1", nodes: dict | None = None, **inputs: object) -> dict:
    return {"1": {"class_type": "PatchbayModel", "inputs": {"model": model}},
            "2": {"class_type": "PatchbayTextToImage", "inputs": {
                "model": ["1", 0], "width": 64, "height": 64, "batch_size": 1, **SAMPLING, **inputs}},
            **(nodes or {})}


def node(class_type: str, **inputs: object) -> dict:
    return {"class_type": class_type, "inputs": inputs}


def direct(host, api, **settings: object) -> tuple[list[bytes], list[str]]:
    """Pixels and infotexts of a generation that asks for the same by gRPC."""
    wanted = {"prompt": "an apple", "negative_prompt": "blurry", "seed": 5, "steps": 3, "guidance_scale": 6.0,
              "sampler": "euler", "schedule": "normal", "compat": api.COMPAT_PROFILE_COMFYUI, "model": "sd1",
              "size": {"width": 64, "height": 64}, **settings}
    generation = host.finish(host.create(**wanted).id)
    assert generation.state == api.GENERATION_STATE_SUCCEEDED, generation.error
    pictures = [Image.open(io.BytesIO(host.download(picture.artifact_id))) for picture in generation.pictures]
    return [picture.convert("RGB").tobytes() for picture in pictures], [picture.info["parameters"] for picture in pictures]


def pixels(images) -> list[bytes]:
    """The bytes of an IMAGE's pictures, which must be whole 255ths."""
    levels = images.double() * 255
    assert (levels - levels.round()).abs().max() < 1e-4
    return [picture.round().byte().numpy().tobytes() for picture in levels]


def free_address() -> str:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{listener.getsockname()[1]}"
