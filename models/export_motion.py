"""Write the trained motion modules as AnimateDiff's file: ``python -m models.export_motion --work DIR``.

Takes the averaged weights, in fp16, under the names that AnimateDiff's loaders know.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from safetensors.torch import save_file

# AnimateDiff normalises each frame by itself; readers that cannot tell ask the metadata.
METADATA = {"format": "pt", "num_attention_heads": "8", "norm_num_groups": "32",
            "norm_over_frames": "false", "license": "Apache-2.0"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("models/.work"))
    parser.add_argument("--out", type=Path,
                        default=Path("models/default-motion/motion_module.safetensors"))
    args = parser.parse_args()
    state = torch.load(args.work / "motion" / "checkpoint.pt")
    args.out.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: value.half().contiguous() for name, value in state["ema"]["motion"].items()},
              args.out, metadata=METADATA)
    print(f"{args.out}: step {state['step']}, {args.out.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
