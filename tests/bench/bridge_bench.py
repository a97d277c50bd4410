"""What a bridge adds to a picture: the same generation asked for over gRPC and through each bridge, in turns."""

import contextlib
import http.client
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse

import grpc

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from bridges.comfyui.client import Client, workflow  # noqa: E402
from service.stubs import make_stubs  # noqa: E402

PROMPT = "a red apple"
NEGATIVE = "blurry"
SIDE = 128


class Direct:
    """gRPC: the generation is followed to its end, and its picture fetched."""

    def __init__(self, address, stubs, steps, previews, **settings):
        self.api, self.steps, self.previews, self.settings = stubs, steps, previews, settings
        self.generations = stubs.GenerationServiceStub(channel := grpc.insecure_channel(address))
        self.artifacts = stubs.ArtifactServiceStub(channel)

    def draw(self, seed):
        settings = self.api.GenerationSettings(prompt=PROMPT, negative_prompt=NEGATIVE, steps=self.steps, seed=seed,
                                               sampler="euler", size={"width": SIDE, "height": SIDE}, **self.settings)
        generation = None
        for response in self.generations.CreateAndWatchGeneration(
                self.api.CreateAndWatchGenerationRequest(settings=settings, previews=self.previews)):
            if response.event.WhichOneof("event") == "state_changed":
                generation = response.event.state_changed
        assert generation.state == self.api.GENERATION_STATE_SUCCEEDED
        parts = self.artifacts.DownloadArtifact(self.api.DownloadArtifactRequest(id=generation.pictures[0].artifact_id))
        return b"".join(part.chunk for part in parts)


class Connection:
    """One HTTP connection that stays open. Python's own client: the package requests takes half a millisecond a
    request for itself, which is not the bridge's."""

    def __init__(self, url):
        self.http = http.client.HTTPConnection(url.removeprefix("http://"), timeout=600)

    def get(self, path):
        return self._answer("GET", path, None)

    def post(self, path, **fields):
        return json.loads(self._answer("POST", path, json.dumps(fields)))

    def _answer(self, method, path, body):
        self.http.request(method, path, body, {"Content-Type": "application/json"} if body else {})
        response = self.http.getresponse()
        content = response.read()
        assert response.status == 200, content
        return content


class WebUi:
    def __init__(self, url, steps, previews):
        self.connection, self.steps, self.previews = Connection(url), steps, previews

    def draw(self, seed):
        return self.connection.post(
            "/sdapi/v1/txt2img", prompt=PROMPT, negative_prompt=NEGATIVE, steps=self.steps, seed=seed,
            sampler_name="Euler",
            width=SIDE, height=SIDE, override_settings={"live_previews_enable": self.previews})["images"][0]


class ComfyUi:
    """As ComfyUI's own examples: events by WebSocket, then the history and the picture."""

    def __init__(self, url, steps, previews):
        self.connection, self.events, self.steps = Connection(url), Client(url.removeprefix("http://")), steps
        self.fields = {} if previews else {"extra_data": {"preview_method": "none"}}

    def draw(self, seed):
        graph = workflow(text=PROMPT, sampler={"seed": seed, "steps": self.steps},
                         latent={"width": SIDE, "height": SIDE})
        prompt = self.connection.post("/prompt", prompt=graph, client_id=self.events.id, **self.fields)["prompt_id"]
        self.events.wait(prompt)
        history = json.loads(self.connection.get(f"/history/{prompt}"))[prompt]
        picture = history["outputs"]["9"]["images"][0]
        return self.connection.get("/view?" + urllib.parse.urlencode(picture))


def pairs(stubs, steps, address, webui, comfyui):
    """(name, over gRPC, through the bridge): the same picture asked for in the same words."""
    a1111 = {"compat": "COMPAT_PROFILE_A1111", "guidance_scale": 7}
    comfy = {"compat": "COMPAT_PROFILE_COMFYUI", "guidance_scale": 8, "schedule": "normal"}
    for previews, note in ((True, "with previews"), (False, "without previews")):
        yield (f"A1111 API, {note}", Direct(address, stubs, steps, previews, **a1111),
               WebUi(webui, steps, previews))
        yield (f"ComfyUI, {note}", Direct(address, stubs, steps, previews, **comfy),
               ComfyUi(comfyui, steps, previews))


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


def bench_bridges(build, runs, threads, steps):
    """Medians of a picture by the model that comes along, with a seed of its own each time, so that nothing is
    answered from a cache; and the median of the differences between a picture and the one that was asked for over
    gRPC just before it."""
    with tempfile.TemporaryDirectory() as scratch, \
            served(build, threads, pathlib.Path(scratch)) as (address, webui, comfyui):
        folder = pathlib.Path(scratch) / "stubs"
        folder.mkdir()
        compared = list(pairs(make_stubs(folder), steps, address, webui, comfyui))
        seconds = {name: ([], []) for name, _, _ in compared}
        seed = 0
        for run in range(runs + 2):
            for name, *clients in compared:
                for place, client in enumerate(clients):
                    seed += 1
                    started = time.perf_counter()
                    client.draw(seed)
                    if run >= 2:  # the first ones read the model and warm caches up
                        seconds[name][place].append(time.perf_counter() - started)
        for _, _, client in compared:
            if isinstance(client, ComfyUi):
                client.events.close()
    print(f"\nmodels/default, {SIDE}x{SIDE}, {steps} steps, {threads} threads, medians of {runs}")
    for name, (direct, bridged) in seconds.items():
        usual = statistics.median(direct)
        more = statistics.median(after - before for before, after in zip(direct, bridged))
        print(f"{name:28} gRPC {1000 * usual:7.1f} ms   bridge {1000 * statistics.median(bridged):7.1f} ms   "
              f"{1000 * more:+6.1f} ms  {100 * more / usual:+5.1f} %")
