"""What a bridge adds to a picture: the same generation asked for over gRPC and through each bridge, in turns."""

import contextlib
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import grpc
import requests

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from bridges.comfyui.client import Client, workflow  # noqa: E402
from service.stubs import make_stubs  # noqa: E402

PROMPT = "a red apple"
STEPS = 20
SIDE = 128


class Direct:
    """gRPC: the generation is followed to its end, and its picture fetched."""

    def __init__(self, address, stubs):
        self.api = stubs
        self.generations = stubs.GenerationServiceStub(channel := grpc.insecure_channel(address))
        self.artifacts = stubs.ArtifactServiceStub(channel)

    def draw(self, seed):
        settings = self.api.GenerationSettings(prompt=PROMPT, steps=STEPS, seed=seed, sampler="euler",
                                               size={"width": SIDE, "height": SIDE}, compat="COMPAT_PROFILE_A1111")
        generation = None
        for response in self.generations.CreateAndWatchGeneration(
                self.api.CreateAndWatchGenerationRequest(settings=settings)):
            if response.event.WhichOneof("event") == "state_changed":
                generation = response.event.state_changed
        assert generation.state == self.api.GENERATION_STATE_SUCCEEDED
        parts = self.artifacts.DownloadArtifact(self.api.DownloadArtifactRequest(id=generation.pictures[0].artifact_id))
        return b"".join(part.chunk for part in parts)


class WebUi:
    def __init__(self, url):
        self.url, self.session = url, requests.Session()

    def draw(self, seed):
        answer = self.session.post(f"{self.url}/sdapi/v1/txt2img", timeout=600, json={
            "prompt": PROMPT, "steps": STEPS, "seed": seed, "sampler_name": "Euler", "width": SIDE, "height": SIDE})
        answer.raise_for_status()
        return answer.json()["images"][0]


class ComfyUi:
    def __init__(self, url):
        self.client = Client(url.removeprefix("http://"))

    def draw(self, seed):
        history, _ = self.client.run(workflow(
            text=PROMPT, sampler={"seed": seed, "steps": STEPS}, latent={"width": SIDE, "height": SIDE}))
        return self.client.view(history["outputs"]["9"]["images"][0])


@contextlib.contextmanager
def served(build, threads, folder):
    """A host with both bridges; gives their addresses."""
    command = [build / "bin/patchbay", "serve", "--data", folder / "data", "--threads", threads, "--grpc",
               "127.0.0.1:0", "--webui", "127.0.0.1:0", "--comfyui", "127.0.0.1:0"]
    process = subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, text=True,
                               stderr=(folder / "errors.txt").open("w"))
    try:
        addresses = [process.stdout.readline().split()[-1] for _ in range(3)]
        yield addresses
    finally:
        process.terminate()
        process.wait(60)


def bench_bridges(build, runs, threads):
    """Medians of a picture by the model that comes along, with a seed of its own each time, so that nothing is
    answered from a cache."""
    with tempfile.TemporaryDirectory() as scratch, \
            served(build, threads, pathlib.Path(scratch)) as (address, webui, comfyui):
        folder = pathlib.Path(scratch) / "stubs"
        folder.mkdir()
        clients = {"gRPC": Direct(address, make_stubs(folder)), "A1111 API": WebUi(webui), "ComfyUI": ComfyUi(comfyui)}
        seconds = {name: [] for name in clients}
        for run in range(runs + 2):
            for place, (client_name, client) in enumerate(clients.items()):
                started = time.perf_counter()
                client.draw(1000 * run + place)
                if run >= 2:  # the first ones read the model and warm caches up
                    seconds[client_name].append(time.perf_counter() - started)
        client.client.close()
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    direct = medians["gRPC"]
    print(f"\nmodels/default, {SIDE}x{SIDE}, {STEPS} steps, {threads} threads, median of {runs}")
    for name, median in medians.items():
        more = "" if name == "gRPC" else f"  {1000 * (median - direct):+6.1f} ms  {100 * (median / direct - 1):+5.1f} %"
        print(f"{name:10} {1000 * median:8.1f} ms{more}")
