"""The action that asks MoMA's language model: its result, its cache, cancelling, and what it refuses."""

from __future__ import annotations

import json
import time

import grpc
import pytest
import torch
from parity.plugins.llava import make_llava
from PIL import Image
from safetensors.torch import load, load_file, save_file

from service.plugin_action_calls import metadata_in, start_action, watch, watch_once
from service.plugin_calls import draw, pixels
from service.test_ip_adapter import PHOTO, png
from service.test_moma import MASK


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made") / "llava"
    make_llava(folder)
    return folder


@pytest.fixture
def folder(made, tmp_path):
    """The server's folder: a LLaVA in a folder of its own, and a link to its config.json."""
    root = tmp_path / "plugin-files"
    (root / "llava").mkdir(parents=True)
    for path in made.iterdir():
        (root / "llava" / path.name).write_bytes(path.read_bytes())
    (root / "llava.json").symlink_to("llava/config.json")
    return root


@pytest.fixture
def telling(new_server, folder, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return new_server().start("--plugin-files", folder)


def describe(server, api, **settings: object):
    """Bytes are uploaded, anything else is given as a text, None is left out."""
    given = {"image": PHOTO, "mask": MASK, "subject": "dog", "prompt": "a dog at the sea", "llava": "llava.json", **settings}
    return start_action(server, api, "moma", "describe", **given)


def finished(server, api, **settings: object):
    """What it said last, the result's bytes and their metadata."""
    seen = watch(server, api, describe(server, api, **settings).id)
    fractions = [state.fraction for state in seen]
    assert fractions == sorted(fractions)
    last = seen[-1]
    assert last.state == api.PLUGIN_ACTION_STATE_SUCCEEDED, last.error
    assert [result.name for result in last.results] == [settings.get("name", "tokens.safetensors")]
    content = server.download(last.results[0].artifact_id)
    return last.activity, load(content)["moma_embedding"], metadata_in(content)


def test_the_second_time_it_is_taken_from_the_cache(telling, api, tmp_path):
    said, first, facts = finished(telling, api)
    assert said == "read" and first.shape == (56,)
    assert facts == {"subject": "dog", "prompt": "a dog at the sea", "from_cache": "false"}
    said, again, facts = finished(telling, api, name="dog.safetensors")
    assert "cache" in said and facts["from_cache"] == "true" and torch.equal(first, again)
    kept = list((tmp_path / "cache/patchbay/moma").iterdir())
    assert len(kept) == 1
    for other in ({"prompt": "a dog"}, {"subject": "cat"}, {"mask": None}, {"image": png(Image.new("RGB", (9, 7), "red"))}):
        said, state, _ = finished(telling, api, **other)
        assert said == "read" and not torch.equal(state, first), other
    # What is damaged is made anew.
    for path in (tmp_path / "cache/patchbay/moma").iterdir():
        path.write_bytes(path.read_bytes()[:40])
    said, state, _ = finished(telling, api)
    assert said == "read" and torch.equal(state, first)


def test_other_weights_are_asked_anew(telling, api, folder):
    _, first, _ = finished(telling, api)
    path = folder / "llava/model-0.safetensors"
    save_file({name: tensor * 1.5 for name, tensor in load_file(path).items()}, path)
    said, state, _ = finished(telling, api)
    assert said == "read" and not torch.equal(state, first)


def test_without_a_cache_folder(new_server, folder, api, tmp_path, monkeypatch):
    (tmp_path / "cache").write_text("no folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    server = new_server().start("--plugin-files", folder)
    assert "cannot be written" in finished(server, api)[0]


def test_cancel(telling, api, folder):
    """A model of many layers, all of which are the first one's weights again, and a long prompt take a while."""
    llava = folder / "llava"
    config = json.loads((llava / "config.json").read_text())
    config["text_config"]["num_hidden_layers"] = 200
    config["text_config"]["max_position_embeddings"] = 4096
    (llava / "config.json").write_text(json.dumps(config))
    tensors = {name: tensor for path in llava.glob("*.safetensors") for name, tensor in load_file(path).items()}
    save_file({name.replace("layers.0.", f"layers.{i}."): tensor.clone() for name, tensor in tensors.items()
               if name.startswith("language_model.model.layers.0.") for i in range(2, 200)}, llava / "more.safetensors")
    run = describe(telling, api, prompt="dog " * 1000)
    while not (seen := watch_once(telling, api, run.id)).fraction:
        assert not seen.error.message
        time.sleep(0.005)
    telling.plugins.CancelPluginAction(api.CancelPluginActionRequest(run_id=run.id))
    last = watch(telling, api, run.id)[-1]
    assert last.state == api.PLUGIN_ACTION_STATE_CANCELLED and not last.results
    draw(telling, api)


def refusal(server, api, **settings: object) -> str:
    try:
        last = watch(server, api, describe(server, api, **settings).id)[-1]
    except grpc.RpcError as error:
        return error.details()
    assert last.state == api.PLUGIN_ACTION_STATE_FAILED and not last.results
    return last.error.message


def test_bad_requests_fail_and_the_server_goes_on(telling, api, made):
    plain = pixels(telling, draw(telling, api))
    for words, settings in [
            (["image", "no picture"], {"image": None}), (["subject", "missing"], {"subject": None}),
            (["llava", "no language model"], {"llava": None}), (["llava", "nothing.json"], {"llava": "nothing.json"}),
            # Sent alone, it has no folder.
            (["no files *.safetensors"], {"llava": (made / "config.json").read_bytes()}),
            (["mask", "empty"], {"mask": png(Image.new("L", (8, 8)))}),
            (["</s>", "leave it out"], {"prompt": "a </s> dog"}),
            (["prompt", "4096"], {"prompt": "a" * 5000}), (["positions for 512"], {"prompt": "\u65e5" * 300}),
            (["name", "plain file name"], {"name": "../outside"})]:
        said = refusal(telling, api, **settings)
        assert all(word in said for word in words), said
    assert pixels(telling, draw(telling, api)) == plain


def test_bad_files_are_named(telling, api, folder):
    llava = folder / "llava"
    kept = {path.name: path.read_bytes() for path in llava.iterdir()}
    tensors = {name: tensor for path in llava.glob("*.safetensors") for name, tensor in load_file(path).items()}
    config = json.loads(kept["config.json"])

    def put(changes: dict[str, bytes | None]) -> None:
        for name, content in {**kept, **changes}.items():
            (llava / name).unlink(missing_ok=True)
            if content is not None:
                (llava / name).write_bytes(content)

    def configured(text: dict | None = None, **settings: object) -> dict[str, bytes]:
        return {"config.json": json.dumps({**config, "text_config": {**config["text_config"], **(text or {})}, **settings}).encode()}

    def weights(**changes: torch.Tensor | None) -> dict[str, bytes | None]:
        save_file({name: tensor.contiguous() for name, tensor in {**tensors, **changes}.items() if tensor is not None},
                  folder / "made.safetensors")
        return {"model-0.safetensors": (folder / "made.safetensors").read_bytes(), "model-1.safetensors": None}

    up, table = "language_model.model.layers.1.mlp.up_proj.weight", "language_model.model.embed_tokens.weight"
    for words, changes in [
            (["no files *.safetensors"], {"model-0.safetensors": None, "model-1.safetensors": None}),
            (["no tokenizer.json and no tokenizer.model"], {"tokenizer.json": None}),
            (["tokenizer.model is damaged"], {"tokenizer.json": None, "tokenizer.model": b"{}"}),
            ([f'no tensor "{up}"'], weights(**{up: None})), ([f'no tensor "{table}"'], weights(**{table: None})),
            ([f'"{up}"', "72x8", "72x56"], weights(**{up: torch.zeros(72, 8)})),
            ([table, "56", "60"], configured({"hidden_size": 60})),
            (["num_hidden_layers", "1 to 200"], configured({"num_hidden_layers": 10**9})),
            (["hidden_size is 32", "64"], configured(vision_config={"hidden_size": 32})),
            (["not that of a LLaVA", "bert"], {"config.json": b'{"model_type": "bert"}'}),
            (["no JSON object"], {"config.json": b"{"}), (["tokenizer.json is no JSON object"], {"tokenizer.json": b"{"}),
            (["both in"], {"other.safetensors": kept["model-0.safetensors"]}),
            (["not finite"], weights(**{up: torch.full((72, 56), float("nan"))}))]:
        put({"other.safetensors": None, "tokenizer.model": None, **changes})
        said = refusal(telling, api)
        assert all(word in said for word in words), said
    put({"other.safetensors": None, "tokenizer.model": None})
    assert finished(telling, api)[0] == "read"
