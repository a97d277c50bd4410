"""kill -9 at random moments: no accepted generation is lost and no file is half-written."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import threading

import grpc

from service.plugin_calls import create_when_there_is_room

# PATCHBAY_KILLS=50 is the full soak.
KILLS = int(os.environ.get("PATCHBAY_KILLS", "5"))


def test_kills_lose_nothing(new_server, api):
    randomness = random.Random(20240801)
    server = new_server().start("--job-attempts", 1000, "--queue", 100)
    accepted: dict[str, int] = {}

    for number in range(KILLS):
        timer = threading.Timer(randomness.uniform(0.05, 1.5), server.process.kill)
        timer.start()
        seed = number * 1000
        try:
            while True:
                seed += 1
                upload = server.upload(os.urandom(200_000))
                assert upload.size_bytes == 200_000
                generation = create_when_there_is_room(server, seed=seed, steps=randomness.randint(1, 20))
                accepted[generation.id] = seed
        except grpc.RpcError as error:
            assert error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED), error
        timer.join()
        server.process.wait()
        server.start()

    assert len(accepted) > KILLS
    pictures = {}
    for identifier, seed in accepted.items():
        generation = server.finish(identifier)
        assert generation.state == api.GENERATION_STATE_SUCCEEDED, generation
        assert generation.report.seed == seed
        pictures[identifier] = generation.pictures[0].artifact_id
    listed = []
    token = ""
    while True:
        page = server.generations.ListGenerations(api.ListGenerationsRequest(page_size=1000, page_token=token))
        listed += page.generations
        token = page.next_page_token
        if not token:
            break
    # Beyond those there can only be generations whose answer the kill has swallowed: one for each kill.
    unknown = {generation.id for generation in listed} - set(accepted)
    assert len(unknown) <= KILLS and len(listed) == len(accepted) + len(unknown)
    for generation in listed:
        server.finish(generation.id)
    server.end(signal.SIGKILL)
    server.start()
    data = server.folder / "data"
    files = [path for path in (data / "artifacts").rglob("*")
             if path.is_file() and path.suffix != ".asked-for"]
    for path in files:
        assert hashlib.sha256(path.read_bytes()).hexdigest() == path.name
    assert set(pictures.values()) <= {path.name for path in files}
    assert not list((data / "work").iterdir())
