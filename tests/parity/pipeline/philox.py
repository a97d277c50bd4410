"""The counter-based random numbers that A1111 calls NV, and the host's plugins get."""

from __future__ import annotations

import numpy as np


def plugin_key(seed: int, step: int, plugin: str, draw: int) -> int:
    """The key of what the host gives a plugin, mixed from the picture's seed, the step, the plugin's id and its count."""
    whole = (1 << 64) - 1

    def mixed(z):
        z = ((z ^ z >> 30) * 0xBF58476D1CE4E5B9) & whole
        z = ((z ^ z >> 27) * 0x94D049BB133111EB) & whole
        return z ^ z >> 31

    state = mixed(seed + 0x9E3779B97F4A7C15 & whole)
    for part in (step, *plugin.encode(), draw):
        state = mixed((state ^ part) + 0x9E3779B97F4A7C15 & whole)
    return state


def plugin_uniform(seed: int, step: int, plugin: str, draw: int) -> float:
    return (plugin_key(seed, step, plugin, draw) >> 11) * 2.0**-53


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
