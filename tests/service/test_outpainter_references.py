"""The outpainter's training on reference pictures on a server: its results, cancelling, going on, and what it refuses."""

from __future__ import annotations

import io
import time

import grpc
import numpy
import pytest
import torch
from PIL import Image
from safetensors.torch import load, save

from service.plugin_action_calls import finished, metadata_in, results, start_action, watch, watch_once

TRAINING = {"rank": 2, "learning_rate": 0.01, "prompt": "a garden", "side": 32, "pictures_per_step": 2, "left": 12}


def photo(seed: int = 1, size: tuple[int, int] = (45, 40), opacity: int = 255) -> bytes:
    """Smooth colours."""
    numbers = numpy.random.default_rng(seed).integers(0, 256, (4, 5, 3), dtype=numpy.uint8)
    picture = Image.fromarray(numbers).resize(size, Image.Resampling.BICUBIC)
    picture.putalpha(opacity)
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    return stream.getvalue()


@pytest.fixture
def running(new_server):
    return new_server().start()


def adapt(server, api, model: str = "", **settings: object):
    given = {"picture": photo(1), "reference1": photo(2), "reference2": photo(3, (80, 33)), **TRAINING, **settings}
    return start_action(server, api, "outpainter", "adapt", model, **given)


def refusal(server, api, **settings: object) -> str:
    try:
        last = watch(server, api, adapt(server, api, **settings).id)[-1]
    except grpc.RpcError as error:
        return error.details()
    assert last.state == api.PLUGIN_ACTION_STATE_FAILED and not last.results
    return last.error.message


def test_it_makes_a_lora(running, api):
    seen = watch(running, api, adapt(running, api, steps=4).id)
    assert seen[-1].state == api.PLUGIN_ACTION_STATE_SUCCEEDED, seen[-1].error
    fractions = [state.fraction for state in seen]
    assert fractions == sorted(fractions) and seen[-1].activity.startswith("step 4 of 4, loss ")
    made = results(running, seen[-1])
    assert sorted(made) == ["lora.safetensors", "state.safetensors"]
    tensors = load(made["lora.safetensors"])
    layers = {name.rpartition(".transformer_blocks.0.")[2].partition(".lora_")[0] for name in tensors}
    assert layers == {f"attn{number}.to_{what}" for number in (1, 2) for what in "qkv"}
    assert all(tensor.isfinite().all() for tensor in tensors.values())
    # Where a layer sees a single position its queries and keys mean nothing.
    assert all(tensor.abs().max() > 0 for name, tensor in tensors.items() if ".to_v." in name)
    lora = running.upload(made["lora.safetensors"]).id
    plain = running.finish(running.create().id)
    changed = running.finish(running.create(loras=[{"artifact_id": lora, "unet_weight": 1, "text_weight": 1}]).id)
    assert changed.state == api.GENERATION_STATE_SUCCEEDED, changed.error
    assert running.download(changed.pictures[0].artifact_id) != running.download(plain.pictures[0].artifact_id)


def test_training_goes_on_as_if_it_had_not_been_left(running, api):
    whole = finished(running, api, adapt(running, api, steps=4))
    assert finished(running, api, adapt(running, api, steps=4)) == whole
    half = finished(running, api, adapt(running, api, steps=2))
    assert finished(running, api, adapt(running, api, steps=4, resume=half["state.safetensors"])) == whole
    assert finished(running, api, adapt(running, api, steps=4, seed=43))["lora.safetensors"] != whole["lora.safetensors"]


def mean_loss(server, api, state: bytes, steps: int) -> float:
    """Over the steps that the state goes on with."""
    seen = watch(server, api, adapt(server, api, resume=state, steps=steps).id)
    assert seen[-1].state == api.PLUGIN_ACTION_STATE_SUCCEEDED, seen[-1].error
    return float(seen[-1].activity.rpartition(" ")[2])


def test_the_loss_falls(running, api):
    """The same steps' random numbers, with what was learnt before them and without."""
    trained = finished(running, api, adapt(running, api, steps=30))["state.safetensors"]
    # With such second moments Adam's steps change nothing.
    without = save({name: torch.zeros_like(tensor) + (1e12 if name.startswith("second") else 0)
                    if "lora_B" in name or "moment" in name else tensor for name, tensor in load(trained).items()},
                   metadata=metadata_in(trained))
    losses = [mean_loss(running, api, state, 45) for state in (trained, without)]
    print(f"mean loss over 15 steps: {losses[0]:.4f}, without training {losses[1]:.4f}")
    assert losses[0] < 0.97 * losses[1]


def test_cancelled_in_the_middle(running, api):
    run = adapt(running, api, steps=100000)
    while watch_once(running, api, run.id).fraction < 3e-5:
        time.sleep(0.02)
    begin = time.monotonic()
    running.plugins.CancelPluginAction(api.CancelPluginActionRequest(run_id=run.id))
    last = watch(running, api, run.id)[-1]
    assert last.state == api.PLUGIN_ACTION_STATE_CANCELLED and time.monotonic() - begin < 10
    state = results(running, last)
    assert list(state) == ["state.safetensors"]
    made = int(load(state["state.safetensors"])["steps"])
    assert made >= 3
    on = finished(running, api, adapt(running, api, steps=made + 1, resume=state["state.safetensors"]))
    assert on == finished(running, api, adapt(running, api, steps=made + 1))
    assert running.finish(running.create().id).state == api.GENERATION_STATE_SUCCEEDED


def test_what_is_not_known_is_not_learned(running, api):
    """Where the picture is masked, what stands under the mask changes nothing."""
    mask = Image.new("L", (45, 40))
    mask.paste(255, (20, 0, 45, 40))
    stream = io.BytesIO()
    mask.save(stream, "PNG")
    picture = Image.open(io.BytesIO(photo(1)))
    made = []
    for colour in ("red", "blue"):
        picture.paste(colour, (20, 0, 45, 40))
        painted = io.BytesIO()
        picture.save(painted, "PNG")
        run = adapt(running, api, steps=2, picture=painted.getvalue(), mask=stream.getvalue())
        made.append(finished(running, api, run)["lora.safetensors"])
    assert made[0] == made[1]
    assert finished(running, api, adapt(running, api, steps=2))["lora.safetensors"] != made[0]


def test_every_reference_counts(running, api):
    made = [finished(running, api, adapt(running, api, steps=3, pictures_per_step=8, picture=None, **{
        f"reference{number}": photo(number + 10 * (number == changed)) for number in range(1, 6)}))["lora.safetensors"]
            for changed in range(6)]
    assert len(set(made)) == 6


def test_an_inpainting_model_is_told_what_is_hidden(new_server, model, api):
    server = new_server()
    (server.models / "inpainting").symlink_to(model("sd1-inpainting"))
    server.start()
    made = finished(server, api, adapt(server, api, model="inpainting", steps=2))
    assert all(tensor.isfinite().all() for tensor in load(made["lora.safetensors"]).values())


def test_what_it_refuses(running, api):
    assert "there is no reference picture" in refusal(running, api, reference1=None, reference2=None, steps=1)
    assert "reference2: all of the picture is transparent" in refusal(running, api, reference2=photo(opacity=0), steps=1)
    assert "nothing of the picture is known" in refusal(running, api, picture=photo(opacity=0), steps=1)
    assert "nothing would be painted; say by left" in refusal(running, api, left=0, steps=1)
    assert "must be alike" in refusal(running, api, mask=photo(1, (8, 8)), steps=1)
    assert "the most; extend it less" in refusal(running, api, left=16384, top=16384, steps=1)
    assert "reference1: scaled to cover" in refusal(running, api, picture=None, left=0, reference1=photo(1, (3000, 2)), side=4096,
                                                    steps=1)
    assert "this is no PNG" in refusal(running, api, reference1=b"no picture", steps=1)
    assert "rank" in refusal(running, api, rank=0, steps=1)
    state = finished(running, api, adapt(running, api, steps=2))
    resumed = state["state.safetensors"]
    assert "has made 2 steps already; ask for more" in refusal(running, api, steps=2, resume=resumed)
    assert "another seed (42, and now it is 43)" in refusal(running, api, steps=3, seed=43, resume=resumed)
    assert "another pictures" in refusal(running, api, steps=3, reference2=photo(9), resume=resumed)
    assert "holds no training to go on with" in refusal(running, api, steps=3, resume=state["lora.safetensors"])
    tensors = load(resumed)
    for steps in (float("nan"), 0.0, -3.0):
        broken = save({**tensors, "steps": torch.tensor(steps)}, metadata=metadata_in(resumed))
        assert "steps were made, which cannot be" in refusal(running, api, steps=3, resume=broken)
    missing = save({name: tensor for name, tensor in tensors.items() if "first_moment" not in name},
                   metadata=metadata_in(resumed))
    assert "resume: " in refusal(running, api, steps=3, resume=missing)
    assert running.finish(running.create().id).state == api.GENERATION_STATE_SUCCEEDED
