"""Write the trained subject adapter: ``python -m models.export_adapter --work DIR``.

Three files of the averaged weights in fp16: ``moma.safetensors``, all in one, as the plugin `moma`
reads it; ``ip-adapter.safetensors`` and ``image_encoder/``, the same tokens' branch as an
IP-Adapter, as diffusers and the plugin `ip-adapter` read it.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch
from safetensors.torch import save_file

from models.training.adapter_networks import build_vision_encoder


def split(weights: dict[str, torch.Tensor]) -> tuple[dict, dict, dict]:
    """The encoder's tensors, the projection's and the branches', each under its own names."""
    parts: dict[str, dict[str, torch.Tensor]] = {"encoder": {}, "image_proj": {}, "branches": {}}
    for name, value in weights.items():
        part, rest = name.split(".", 1)
        if not rest.endswith("position_ids"):
            parts[part][rest] = value.half().contiguous()
    return parts["encoder"], parts["image_proj"], parts["branches"]


def export(work: Path, folder: Path) -> int:
    """Write the files; returns the number of training steps."""
    state = torch.load(work / "adapter" / "checkpoint.pt")
    encoder, projection, branches = split(state["ema"]["adapter"])
    configuration = build_vision_encoder().config
    configuration.architectures = ["CLIPVisionModelWithProjection"]
    configuration.dtype = "float16"
    (folder / "image_encoder").mkdir(parents=True, exist_ok=True)
    configuration.save_pretrained(folder / "image_encoder")
    config = json.loads((folder / "image_encoder" / "config.json").read_text())
    save_file(encoder, folder / "image_encoder" / "model.safetensors", metadata={"format": "pt"})
    crossed = {name: value for name, value in branches.items() if int(name.split(".")[0]) % 2}
    save_file({**{f"image_proj.{name}": value for name, value in projection.items()},
               **{f"ip_adapter.{name}": value for name, value in crossed.items()}},
              folder / "ip-adapter.safetensors",
              metadata={"format": "pt", "license": "Apache-2.0"})
    save_file({**{f"moma.image_proj.{name}": value for name, value in projection.items()},
               **{f"moma.attn.{name}": value for name, value in branches.items()},
               **{f"moma.image_encoder.{name}": value for name, value in encoder.items()}},
              folder / "moma.safetensors",
              metadata={"format": "moma", "version": "1", "license": "Apache-2.0",
                        "moma.image_encoder.config": json.dumps(config)})
    return state["step"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("models/.work"))
    parser.add_argument("--out", type=Path, default=Path("models/default-adapter"))
    args = parser.parse_args()
    step = export(args.work, args.out)
    total = sum(path.stat().st_size for path in args.out.rglob("*") if path.is_file())
    print(f"{args.out}: step {step}, {total / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
