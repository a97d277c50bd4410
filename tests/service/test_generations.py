"""Generations over gRPC: creating, watching, cancelling, coming back, and what is refused."""

from __future__ import annotations

import concurrent.futures
import io
import signal
import time

import grpc
import pytest
from PIL import Image

from service.conftest import reason

LONG = 1000  # steps; minutes if nobody ends it


def kinds(events) -> list[str]:
    return [event.WhichOneof("event") for event in events]


def test_create_and_watch(server, api):
    request = api.CreateAndWatchGenerationRequest(settings=api.GenerationSettings(
        prompt="an apple", steps=3, sampler="euler", seed=2**64 - 1, batch=2, size={"width": 64, "height": 72}))
    events = [response.event for response in server.generations.CreateAndWatchGeneration(request)]
    assert [event.sequence for event in events] == sorted({event.sequence for event in events})
    assert kinds(events) == ["state_changed"] * 2 + ["progress"] * 3 + ["state_changed"]
    assert [(event.progress.step, event.progress.steps) for event in events[2:5]] == [(1, 3), (2, 3), (3, 3)]
    done = events[-1].state_changed
    assert done.state == api.GENERATION_STATE_SUCCEEDED and done.last_sequence == events[-1].sequence
    assert done.report.seed == 2**64 - 1 and len(done.report.step_seconds) == 3
    assert [Image.open(io.BytesIO(server.download(picture.artifact_id))).size
            for picture in done.pictures] == [(64, 72)] * 2
    assert server.get(done.id) == done


def test_watch_from_any_number(server):
    generation = server.create(steps=4)
    events = list(server.watch(generation.id))
    for start in range(len(events)):
        assert list(server.watch(generation.id, events[start].sequence)) == events[start + 1:]


def test_several_watchers_and_previews(server, api):
    generation = server.create(steps=60)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        seen = list(pool.map(lambda previews: list(server.watch(generation.id, previews=previews)),
                             [False, True, False, True]))
    plain = [event for event in seen[0]]
    assert kinds(plain).count("progress") == 60 and "preview" not in kinds(plain)
    for events in seen:
        assert [event for event in events if event.WhichOneof("event") != "preview"] == plain
    pictures = [event.preview.jpegs for event in seen[1] + seen[3] if event.WhichOneof("event") == "preview"]
    assert all(Image.open(io.BytesIO(jpegs[0])).format == "JPEG" for jpegs in pictures)


def test_previews_arrive(server):
    generation = server.create(steps=LONG)
    for event in server.watch(generation.id, previews=True):
        if event.WhichOneof("event") == "preview":
            break
    else:
        pytest.fail("no preview came")
    server.generations.CancelGeneration(server.api.CancelGenerationRequest(id=generation.id))


def test_cancel_within_a_long_step(server, api):
    """Between the network's blocks, of which a step has about ten."""
    large = {"steps": 1, "size": {"width": 640, "height": 640}}
    whole = server.create(**large)
    server.finish(whole.id)
    step = server.get(whole.id).report.step_seconds[0]
    cut_short = server.create(seed=8, **large)
    server.wait_until_running(cut_short.id)
    began = time.monotonic()
    server.generations.CancelGeneration(api.CancelGenerationRequest(id=cut_short.id))
    assert server.finish(cut_short.id).state == api.GENERATION_STATE_CANCELLED
    assert time.monotonic() - began < 0.7 * step, step


def test_cancel_within_a_step(server, api):
    running = server.create(steps=LONG)
    waiting = server.create(steps=LONG)
    server.wait_until_running(running.id)
    cancelled = server.generations.CancelGeneration(api.CancelGenerationRequest(id=waiting.id)).generation
    assert cancelled.state == api.GENERATION_STATE_CANCELLED
    asked = server.generations.CancelGeneration(api.CancelGenerationRequest(id=running.id)).generation
    events = list(server.watch(running.id, asked.last_sequence))
    assert events[-1].state_changed.state == api.GENERATION_STATE_CANCELLED
    assert kinds(events).count("progress") <= 1
    again = server.generations.CancelGeneration(api.CancelGenerationRequest(id=running.id)).generation
    assert again == events[-1].state_changed


def test_a_broken_connection_does_not_end_a_generation(server, api):
    call = server.generations.CreateAndWatchGeneration(api.CreateAndWatchGenerationRequest(
        settings=api.GenerationSettings(prompt="x", steps=100, size={"width": 64, "height": 64})))
    first = next(call).event
    call.cancel()
    assert server.finish(first.state_changed.id).state == api.GENERATION_STATE_SUCCEEDED


def test_request_id(server, api):
    first = server.create(request_id="a")
    assert server.create(request_id="a").id == first.id
    assert server.create(request_id="b").id != first.id
    with pytest.raises(grpc.RpcError) as error:
        server.create("a pear", request_id="a")
    assert error.value.code() == grpc.StatusCode.ALREADY_EXISTS
    assert reason(api, error.value)[:2] == ("REQUEST_ID_REUSED", {"generation": first.id})
    server.finish(first.id)
    server.end()
    server.start()
    assert server.create(request_id="a").id == first.id


def test_request_id_from_many_connections_at_once(server):
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: server.create(request_id="same").id, range(24)))
    assert len(set(made)) == 1


def test_full_queue(new_server, api):
    server = new_server().start("--queue", 2)
    running = server.create(steps=LONG)
    server.wait_until_running(running.id)
    waiting = [server.create().id for _ in range(2)]
    with pytest.raises(grpc.RpcError) as error:
        server.create()
    assert error.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    name, variables, delay = reason(api, error.value)
    assert (name, variables["queue_depth"]) == ("QUEUE_FULL", "2") and delay > 0
    server.generations.CancelGeneration(api.CancelGenerationRequest(id=running.id))
    assert [server.finish(identifier).state for identifier in waiting] == [api.GENERATION_STATE_SUCCEEDED] * 2


def test_priority(server, api):
    blocker = server.create(steps=LONG)
    server.wait_until_running(blocker.id)
    low, usual, high = (server.create(priority=priority).id for priority in (-5, 0, 5))
    assert [server.get(identifier).queue_position for identifier in (high, usual, low)] == [1, 2, 3]
    server.generations.CancelGeneration(api.CancelGenerationRequest(id=blocker.id))
    starts = [server.finish(identifier).start_time.ToNanoseconds() for identifier in (high, usual, low)]
    assert starts == sorted(starts)


def test_list_pages(server, api):
    made = [server.create().id for _ in range(5)]
    server.finish(made[-1])
    seen, token = [], ""
    while True:
        page = server.generations.ListGenerations(api.ListGenerationsRequest(page_size=2, page_token=token))
        seen += [generation.id for generation in page.generations]
        token = page.next_page_token
        if not token:
            break
    assert seen == made[::-1]
    failed = server.generations.ListGenerations(api.ListGenerationsRequest(states=[api.GENERATION_STATE_FAILED]))
    assert not failed.generations


def test_four_connections(server, api):
    def work(number: int) -> list[bytes]:
        channel = grpc.insecure_channel(server.address, options=[("grpc.use_local_subchannel_pool", 1)])
        stub = api.GenerationServiceStub(channel)
        pictures = []
        for seed in (1, 2, 3):
            stream = stub.CreateAndWatchGeneration(api.CreateAndWatchGenerationRequest(settings=api.GenerationSettings(
                prompt=f"thing {seed}", steps=2, seed=seed, size={"width": 64, "height": 64})))
            last = [response.event for response in stream][-1].state_changed
            assert last.state == api.GENERATION_STATE_SUCCEEDED, (number, last)
            pictures.append(last.pictures[0].artifact_id)
        channel.close()
        return pictures

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        results = list(pool.map(work, range(4)))
    assert all(pictures == results[0] for pictures in results) and len(set(results[0])) == 3


@pytest.mark.parametrize(("settings", "code", "name", "words"), [
    ({"steps": 0}, "INVALID_ARGUMENT", "INVALID_SETTINGS", "steps"),
    ({"steps": 2**31 - 1}, "INVALID_ARGUMENT", "INVALID_SETTINGS", "steps"),
    ({"batch": -1}, "INVALID_ARGUMENT", "INVALID_SETTINGS", "batch"),
    ({"size": {"width": 63, "height": 64}}, "INVALID_ARGUMENT", "INVALID_SETTINGS", "63x64"),
    ({"size": {"width": 2**30, "height": 2**30}}, "INVALID_ARGUMENT", "INVALID_SETTINGS", "16384"),
    ({"guidance_scale": float("nan")}, "INVALID_ARGUMENT", "INVALID_SETTINGS", "guidance"),
    ({"eta": float("inf")}, "INVALID_ARGUMENT", "INVALID_SETTINGS", "eta"),
    ({"sampler": "oiler"}, "INVALID_ARGUMENT", "INVALID_SETTINGS", "euler"),
    ({"schedule": "x"}, "INVALID_ARGUMENT", "INVALID_SETTINGS", "x"),
    ({"compat": 99}, "INVALID_ARGUMENT", "INVALID_SETTINGS", "99"),
    ({"picture_format": 99}, "INVALID_ARGUMENT", "INVALID_SETTINGS", "99"),
    ({"model": "sd2"}, "NOT_FOUND", "MODEL_NOT_FOUND", "sd1"),
    ({"model": "../models/sd1"}, "NOT_FOUND", "MODEL_NOT_FOUND", "sd1"),
    ({"image_artifact_id": "../../jobs.sqlite"}, "NOT_FOUND", "ARTIFACT_NOT_FOUND", "image_artifact_id"),
    ({"mask_artifact_id": "0" * 64}, "NOT_FOUND", "ARTIFACT_NOT_FOUND", "mask_artifact_id"),
    ({"loras": [{}]}, "INVALID_ARGUMENT", "INVALID_SETTINGS", "artifact_id"),
    ({"loras": [{"name": "../x"}]}, "INVALID_ARGUMENT", "INVALID_SETTINGS", "slash"),
    ({"loras": [{"name": "x"}]}, "NOT_FOUND", "INVALID_SETTINGS", "no LoRA"),
    ({"embeddings": [{"name": "a/b", "artifact_id": "0" * 64}]}, "INVALID_ARGUMENT", "INVALID_SETTINGS", "slash"),
    ({"wildcards": [{"name": "a/../../b", "artifact_id": "0" * 64}]}, "INVALID_ARGUMENT", "INVALID_SETTINGS", "dot"),
    ({"plugins": [{"plugin_id": "nothing"}]}, "NOT_FOUND", "PLUGIN_NOT_FOUND", "nothing"),
])
def test_refused(server, api, settings, code, name, words):
    with pytest.raises(grpc.RpcError) as error:
        server.create(**settings)
    assert (error.value.code().name, reason(api, error.value)[0]) == (code, name), error.value.details()
    assert words in error.value.details()
    assert not server.generations.ListGenerations(api.ListGenerationsRequest()).generations


def test_other_bad_calls(server, api):
    calls = [(server.generations.GetGeneration, api.GetGenerationRequest(id="x"), "NOT_FOUND"),
             (server.generations.CancelGeneration, api.CancelGenerationRequest(id="x' OR 1=1 --"), "NOT_FOUND"),
             (server.generations.ListGenerations, api.ListGenerationsRequest(page_size=-1), "INVALID_ARGUMENT"),
             (server.generations.ListGenerations, api.ListGenerationsRequest(page_token="x"), "INVALID_ARGUMENT"),
             (server.generations.CreateGeneration, api.CreateGenerationRequest(priority=101), "INVALID_ARGUMENT"),
             (server.generations.CreateGeneration, api.CreateGenerationRequest(request_id="x" * 129),
              "INVALID_ARGUMENT"),
             (server.models_stub.InspectModel, api.InspectModelRequest(name="/etc/passwd"), "NOT_FOUND")]
    for call, request, code in calls:
        with pytest.raises(grpc.RpcError) as error:
            call(request)
        assert error.value.code().name == code and error.value.details()
    with pytest.raises(grpc.RpcError) as error:
        list(server.watch("x"))
    assert error.value.code() == grpc.StatusCode.NOT_FOUND
    with pytest.raises(grpc.RpcError) as error:
        server.create("x" * (5 << 20))
    assert error.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED


def test_a_failed_generation_says_why(server, api):
    embedding = server.upload(b"this is no safetensors file")
    generation = server.finish(server.create(embeddings=[{"name": "e", "artifact_id": embedding.id}]).id)
    assert generation.state == api.GENERATION_STATE_FAILED
    assert generation.error.code == grpc.StatusCode.INVALID_ARGUMENT.value[0] and "e.safetensors" in generation.error.message
    assert server.finish(server.create().id).state == api.GENERATION_STATE_SUCCEEDED


def test_coming_back_after_a_restart(server, api):
    running = server.create(steps=300)
    waiting = server.create()
    server.wait_until_running(running.id)
    last = next(server.watch(running.id)).sequence
    server.end(signal.SIGKILL)
    server.start()
    sequences = [event.sequence for event in server.watch(running.id, last)]
    assert sequences == sorted(sequences) and sequences[0] > last
    again = server.get(running.id)
    assert (again.state, again.attempts) == (api.GENERATION_STATE_SUCCEEDED, 2)
    assert again.settings == running.settings
    assert server.finish(waiting.id).state == api.GENERATION_STATE_SUCCEEDED


def test_a_polite_end_lets_the_running_generation_finish(server, api):
    running = server.create(steps=150)
    waiting = server.create()
    server.wait_until_running(running.id)
    assert server.end() == 0
    server.start()
    assert server.get(running.id).attempts == 1
    assert server.get(running.id).state == api.GENERATION_STATE_SUCCEEDED
    assert server.finish(waiting.id).state == api.GENERATION_STATE_SUCCEEDED


def test_a_polite_end_has_a_limit(new_server, api):
    server = new_server().start("--drain-seconds", "0.2")
    running = server.create(steps=LONG)
    server.wait_until_running(running.id)
    started = time.monotonic()
    assert server.end() == 0
    assert time.monotonic() - started < 10
    server.start()
    assert server.get(running.id).state in (api.GENERATION_STATE_QUEUED, api.GENERATION_STATE_RUNNING)


def test_prompts_that_are_too_long_are_refused_at_once(server, api):
    with pytest.raises(grpc.RpcError) as error:
        server.create("x" * (3 << 20))
    assert error.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    with pytest.raises(grpc.RpcError) as error:
        server.create("x" * 262_145)
    assert error.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "the prompt has 262145 bytes; it may have 262144" in error.value.details()
    assert reason(api, error.value)[0] == "INVALID_SETTINGS"
    with pytest.raises(grpc.RpcError) as error:
        server.create(steps=2147483647)
    assert "steps is 2147483647;" in error.value.details()


def test_long_prompts_make_short_pages(server, api):
    """30 prompts of 250 KB are more than one message may hold."""
    created = [server.create("x " * 125_000, seed=seed).id for seed in range(30)]
    for identifier in created:
        server.generations.CancelGeneration(api.CancelGenerationRequest(id=identifier))
    seen, token, pages = [], "", 0
    while True:
        page = server.generations.ListGenerations(api.ListGenerationsRequest(page_size=1000, page_token=token))
        assert page.ByteSize() < 3 << 20
        seen += [generation.id for generation in page.generations]
        pages, token = pages + 1, page.next_page_token
        if not token:
            break
    assert pages > 2 and seen == created[::-1]
