"""The counter-based random numbers that A1111 calls NV, and the host's plugins get."""

from __future__ import annotations

import numpy as np


def philox(seed: int, draw: int, count: int) -> np.ndarray:
    """Salmon et al., SC 2011: ten rounds on (draw, 0, index, 0) with the seed as key; cuRAND's normal_distribution."""
    mask = np.uint64(0xFFFFFFFF)
    counter = [np.full(count, draw, np.uint64), np.zeros(count, np.uint64), np.arange(count, dtype=np.uint64),
               np.zeros(count, np.uint64)]
    key = [np.uint64(seed & 0xFFFFFFFF), np.uint64(seed >> 32)]
    for _ in range(10):
        product = [counter[0] * np.uint64(0xD2511F53), counter[2] * np.uint64(0xCD9E8D57)]
        counter = [product[1] >> np.uint64(32) ^ counter[1] ^ key[0], product[1] & mask,
                   product[0] >> np.uint64(32) ^ counter[3] ^ key[1], product[0] & mask]
        key = [key[0] + np.uint64(0x9E3779B9) & mask, key[1] + np.uint64(0xBB67AE85) & mask]
    radius, angle = ((word.astype(np.float64) + 0.5) / 2**32 for word in counter[:2])
    return np.sqrt(-2 * np.log(radius)) * np.sin(2 * np.pi * angle)
