"""What ComfyUI's own API examples do: a WebSocket, prompts, and the pictures that come of them."""

from __future__ import annotations

import copy
import json
import uuid

import requests
import websocket

DEFAULT = {
    "3": {"class_type": "KSampler", "inputs": {
        "seed": 5, "steps": 2, "cfg": 8, "sampler_name": "euler", "scheduler": "normal", "denoise": 1,
        "model": ["4", 0], "positive": ["6", 0], "negative": ["7", 0], "latent_image": ["5", 0]}},
    "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "v1-5-pruned-emaonly-fp16.safetensors"}},
    "5": {"class_type": "EmptyLatentImage", "inputs": {"width": 64, "height": 64, "batch_size": 1}},
    "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "an apple", "clip": ["4", 1]}},
    "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "blurry", "clip": ["4", 1]}},
    "8": {"class_type": "VAEDecode", "inputs": {"samples": ["3", 0], "vae": ["4", 2]}},
    "9": {"class_type": "SaveImage", "inputs": {"filename_prefix": "ComfyUI", "images": ["8", 0]}},
}


def workflow(**changes: object) -> dict:
    """The default workflow; `changes` such as sampler={"steps": 3}, text="a bird"."""
    graph = copy.deepcopy(DEFAULT)
    graph["3"]["inputs"].update(changes.pop("sampler", {}))
    graph["5"]["inputs"].update(changes.pop("latent", {}))
    if "text" in changes:
        graph["6"]["inputs"]["text"] = changes.pop("text")
    graph.update(changes.pop("nodes", {}))
    assert not changes
    return graph


class Client:
    def __init__(self, address: str, flags: dict | None = None):
        self.url, self.id = f"http://{address}", str(uuid.uuid4())
        self.session = requests.Session()  # one connection, as browsers keep theirs
        self.socket = websocket.create_connection(f"ws://{address}/ws?clientId={self.id}", timeout=60)
        if flags is not None:
            self.socket.send(json.dumps({"type": "feature_flags", "data": flags}))
        self.greeting = json.loads(self.socket.recv())

    def post(self, graph: object, **fields: object) -> requests.Response:
        return self.session.post(f"{self.url}/prompt", json={"prompt": graph, "client_id": self.id, **fields}, timeout=60)

    def wait(self, prompt_id: str) -> list:
        """All frames until the prompt's last one: dicts, and bytes."""
        frames: list = []
        while True:
            frame = self.socket.recv()
            frames.append(json.loads(frame) if isinstance(frame, str) else frame)
            last = frames[-1]
            if isinstance(last, dict) and last["type"] == "executing" and last["data"]["node"] is None \
                    and last["data"]["prompt_id"] == prompt_id:
                return frames

    def run(self, graph: dict, **fields: object) -> tuple[dict, list]:
        """The history's entry, and the frames."""
        answer = self.post(graph, **fields)
        assert answer.status_code == 200, answer.text
        prompt_id = answer.json()["prompt_id"]
        frames = self.wait(prompt_id)
        return self.session.get(f"{self.url}/history/{prompt_id}", timeout=60).json()[prompt_id], frames

    def view(self, picture: dict) -> bytes:
        answer = self.session.get(f"{self.url}/view", params=picture, timeout=60)
        assert answer.status_code == 200, answer.text
        return answer.content

    def close(self) -> None:
        self.session.close()
        self.socket.close()


def types(frames: list) -> list[str]:
    return [frame["type"] for frame in frames if isinstance(frame, dict)]


def events(frames: list, name: str) -> list[dict]:
    return [frame["data"] for frame in frames if isinstance(frame, dict) and frame["type"] == name]
