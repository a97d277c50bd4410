"""Graphs that no page sends: mutations of valid ones, and graphs put together at random. Each is answered with 200 or
400 and ends within a moment; afterwards the server draws as before, in no more memory than before.

The seeds are fixed, so that a failure comes again where the same pictures were uploaded before it;
PATCHBAY_FUZZ_GRAPHS sets how many graphs are tried (default 250).
"""

from __future__ import annotations

import copy
import json
import os
import random
import time

import psutil
import pytest
import requests
from bridges.comfyui.client import Client, workflow
from bridges.comfyui.latents import upload_picture

GRAPHS = int(os.environ.get("PATCHBAY_FUZZ_GRAPHS", "250"))
SEED = 20240607
MOST_GROWTH = 400 << 20
ODD_VALUES = [None, True, False, "", "x", "9" * 400, "é\u0000\ud83d", 0, -1, 1e308, -1e308, 2**63, 2**64 - 1, 2**64, -2**63,
              10**30, float("nan"), float("inf"), [], {}, [[]], [{}], {"__value__": ["3", 0]}, {"__value__": None},
              ["3", -1], ["3", 99], ["3", 1e9], ["3", "0"], ["3"], ["3", 0, 0], [3, 0], [None, 0], [[], {}], ["99", 0],
              ["\u0000", 0], ["3", 2**64], "x" * 100_000, [0] * 1000]


def masked(client) -> dict:
    import numpy
    name = upload_picture(client, "fuzz.png", numpy.zeros((64, 64, 3), numpy.uint8))
    return workflow(sampler={"denoise": 0.5, "latent_image": ["11", 0]}, nodes={
        "10": {"class_type": "LoadImage", "inputs": {"image": name}},
        "11": {"class_type": "VAEEncodeForInpaint", "inputs": {"pixels": ["10", 0], "vae": ["4", 2], "mask": ["10", 1],
                                                               "grow_mask_by": 6}}})


def upscaled() -> dict:
    return workflow(nodes={
        "8": {"class_type": "VAEDecode", "inputs": {"samples": ["12", 0], "vae": ["4", 2]}},
        "10": {"class_type": "LatentUpscaleBy", "inputs": {"samples": ["3", 0], "upscale_method": "bislerp",
                                                           "scale_by": 1.5}},
        "12": {"class_type": "KSamplerAdvanced", "inputs": {
            "model": ["4", 0], "add_noise": "enable", "noise_seed": 1, "steps": 3, "cfg": 4.0, "sampler_name": "euler",
            "scheduler": "karras", "positive": ["6", 0], "negative": ["7", 0], "latent_image": ["10", 0],
            "start_at_step": 1, "end_at_step": 3, "return_with_leftover_noise": "disable"}}})


class Mutator:
    """Changes a valid graph in one to four places."""

    def __init__(self, graphs: list[dict], classes: list[str]):
        self.random = random.Random(SEED)
        self.graphs, self.classes = graphs, classes

    def make(self) -> object:
        graph = copy.deepcopy(self.random.choice(self.graphs))
        for _ in range(self.random.randint(1, 4)):
            if graph:
                self.change(graph)
        return graph

    def change(self, graph: dict) -> None:
        name = self.random.choice(list(graph))
        node = graph[name]
        if not isinstance(node, dict) or not isinstance(node.get("inputs"), dict) or not node["inputs"]:
            graph[name] = {"class_type": self.random.choice(self.classes), "inputs": {}}
            return
        field = self.random.choice(list(node["inputs"]))
        kind = self.random.randrange(10)
        if kind <= 3:
            node["inputs"][field] = copy.deepcopy(self.random.choice(ODD_VALUES))
        elif kind == 4:
            node["inputs"][field] = [name, 0]
        elif kind == 5:
            node["inputs"][field] = [self.random.choice(list(graph)), self.random.randrange(4)]
        elif kind == 6:
            del node["inputs"][field]
        elif kind == 7:
            del graph[name]
        elif kind == 8:
            node["class_type"] = self.random.choice([*self.classes, "", "Nobody", 5, None])
        else:
            graph[name] = copy.deepcopy(self.random.choice(ODD_VALUES))


class Composer:
    """Graphs of random classes: inputs are linked to outputs of the same type where there is one."""

    def __init__(self, info: dict):
        self.random = random.Random(SEED + 1)
        self.info = info

    def make(self) -> dict:
        graph, outputs = {}, {}
        names = self.random.choices(list(self.info), k=self.random.randint(3, 14))
        for number, name in enumerate(["CheckpointLoaderSimple", "EmptyLatentImage", *names, "PreviewImage", "PreviewAny"]):
            inputs = {}
            for kind in ("required", "optional"):
                for field, (wanted, *options) in self.info[name]["input"].get(kind, {}).items():
                    value = self.value(wanted, options[0] if options else {}, outputs)
                    if value is not None:
                        inputs[field] = value
            graph[str(number)] = {"class_type": name, "inputs": inputs}
            for slot, made in enumerate(self.info[name]["output"]):
                outputs.setdefault(made, []).append([str(number), slot])
        return graph

    def value(self, wanted: object, options: dict, outputs: dict) -> object:
        if isinstance(wanted, list):
            return self.random.choice(wanted) if wanted else None
        if wanted in ("INT", "FLOAT"):
            low, high = options.get("min", 0), min(options.get("max", 64), 64)
            chosen = self.random.choice([low, high, self.random.uniform(low, high) if low < high else high])
            return int(chosen) if wanted == "INT" else chosen
        if wanted in ("STRING", "BOOLEAN"):
            return self.random.choice(["", "fuzz", "a/b"]) if wanted == "STRING" else self.random.random() < 0.5
        made = [link for kind, links in outputs.items() if wanted in ("*", kind) for link in links]
        return self.random.choice(made) if made else None


def memory(bridges) -> int:
    return psutil.Process(bridges.process.pid).memory_info().rss


def post(bridges, graph: object) -> requests.Response:
    # Python's own JSON says NaN and Infinity, as a careless client's does.
    return requests.post(f"{bridges.comfyui}/prompt", data=json.dumps({"prompt": graph}), timeout=60)


def ends(bridges, prompt_id: str) -> dict:
    """The history's entry; what takes longer than a moment is interrupted."""
    begin, interrupted = time.monotonic(), False
    while time.monotonic() - begin < 60:
        entry = requests.get(f"{bridges.comfyui}/history/{prompt_id}", timeout=60).json()
        if entry:
            return entry[prompt_id]
        if time.monotonic() - begin > 1 and not interrupted:
            requests.post(f"{bridges.comfyui}/interrupt", json={"prompt_id": prompt_id}, timeout=60)
            interrupted = True
        time.sleep(0.02)
    raise AssertionError(f"{prompt_id} does not end")


def try_graphs(bridges, make, count: int) -> dict[str, int]:
    """How many were refused, failed and succeeded."""
    seen = {"refused": 0, "error": 0, "success": 0}
    for number in range(count):
        graph = make()
        answer = post(bridges, graph)
        assert answer.status_code in (200, 400), (number, answer.status_code, answer.text, graph)
        if answer.status_code == 400:
            assert answer.json()["error"]["type"], (number, graph)
            seen["refused"] += 1
            continue
        entry = ends(bridges, answer.json()["prompt_id"])
        seen[entry["status"]["status_str"]] += 1
    return seen


def draws_as_before(bridges) -> None:
    assert bridges.process.poll() is None
    client = Client(bridges.comfyui_address)
    entry, _ = client.run(workflow(sampler={"seed": random.randrange(10**6)}))
    assert entry["status"]["status_str"] == "success"
    client.close()


@pytest.fixture
def info(bridges) -> dict:
    return requests.get(f"{bridges.comfyui}/object_info", timeout=60).json()


def test_mutated_graphs(bridges, client, info):
    mutator = Mutator([workflow(), masked(client), upscaled()], list(info))
    try_graphs(bridges, mutator.make, 20)
    before = memory(bridges)
    seen = try_graphs(bridges, mutator.make, GRAPHS)
    assert seen["refused"] > GRAPHS // 10 and seen["success"] > 0, seen
    draws_as_before(bridges)  # and keeps nothing of the last graph, which may have had large pictures
    assert memory(bridges) - before < MOST_GROWTH


def test_random_graphs(bridges, info):
    composer = Composer(info)
    try_graphs(bridges, composer.make, 20)
    before = memory(bridges)
    seen = try_graphs(bridges, composer.make, GRAPHS)
    assert seen["success"] + seen["error"] > GRAPHS // 10, seen
    draws_as_before(bridges)  # and keeps nothing of the last graph, which may have had large pictures
    assert memory(bridges) - before < MOST_GROWTH


def nested(opening: str, closing: str, levels: int) -> str:
    return opening * levels + closing * levels


@pytest.mark.parametrize("value", [
    "[" * 2_000_000, nested("[", "]", 1_000_000), nested('{"a":', "}", 300_000).replace("}", "1}", 1),
    nested('{"__value__":', "}", 100_000).replace("}", "1}", 1), "NaN", "Infinity", "1e99999", "-" * 1000, '"\\ud800"',
    '"\x01"', "{" * 100_000])
def test_broken_texts(bridges, value):
    body = '{"prompt": {"1": {"class_type": "PreviewAny", "inputs": {"source": %s}}}}' % value
    for path in ("/prompt", "/queue", "/interrupt", "/history", "/free", "/api/jobs/cancel", "/settings"):
        answer = requests.post(bridges.comfyui + path, data=body.encode("utf-8", "surrogatepass"), timeout=60)
        assert answer.status_code < 500, (path, answer.text[:200])
    assert requests.post(f"{bridges.comfyui}/prompt", data=value.encode(), timeout=60).status_code == 400
    draws_as_before(bridges)


def chain(length: int) -> dict:
    graph = {"0": {"class_type": "EmptyLatentImage", "inputs": {"width": 16, "height": 16, "batch_size": 1}}}
    for number in range(1, length):
        graph[str(number)] = {"class_type": "LatentFlip", "inputs": {"samples": [str(number - 1), 0],
                                                                     "flip_method": "x-axis: vertically"}}
    graph["end"] = {"class_type": "PreviewAny", "inputs": {"source": [str(length - 1), 0]}}
    return graph


@pytest.mark.parametrize("graph, status", [
    (chain(500), 200), (chain(4000), 400), (chain(10_000), 400),
    ({str(i): {"class_type": "PreviewAny", "inputs": {"source": "x"}} for i in range(1000)}, 200),
    ({str(i): {"class_type": "PreviewAny", "inputs": {"source": "x"}} for i in range(10_000)}, 400),
    ({str(i): {"class_type": "LatentAdd", "inputs": {"samples1": [str((i + 1) % 4000), 0],
                                                     "samples2": [str((i + 2) % 4000), 0]}} for i in range(4000)}
     | {"end": {"class_type": "PreviewAny", "inputs": {"source": ["0", 0]}}}, 400),
], ids=["chain", "long chain", "longer chain", "wide", "wider", "ring"])
def test_large_graphs(bridges, graph, status):
    before, begin = memory(bridges), time.monotonic()
    answer = post(bridges, graph)
    assert answer.status_code == status, answer.text[:300]
    assert time.monotonic() - begin < 30
    if status == 200:
        assert ends(bridges, answer.json()["prompt_id"])["status"]["status_str"] in ("success", "error")
    draws_as_before(bridges)  # and keeps nothing of the last graph, which may have had large pictures
    assert memory(bridges) - before < MOST_GROWTH
