"""Memory that a large picture took, once nothing is drawn any more."""

from __future__ import annotations

import time


def test_it_goes_back_to_the_system(server):
    server.finish(server.create().id)
    small = server.resident_bytes()
    server.finish(server.create(steps=1, size={"width": 1024, "height": 1024}).id)
    large = server.resident_bytes()
    assert large - small > 100 << 20  # else the test shows nothing
    deadline = time.monotonic() + 60
    while server.resident_bytes() - small > (large - small) / 3:
        assert time.monotonic() < deadline
        time.sleep(0.5)
    server.finish(server.create().id)
