"""Latents between samplers, encoders and decoders: the same as the host gives over gRPC, and no more jobs than it takes."""

from __future__ import annotations

import io

import numpy
import pytest
import torch
from bridges.comfyui.client import events, workflow
from bridges.comfyui.latents import (SCALE, load_node, resized, save_node, saved, upload_latent, upload_picture)
from PIL import Image
from safetensors.torch import load, save


def pixels(file: bytes) -> numpy.ndarray:
    return numpy.asarray(Image.open(io.BytesIO(file)).convert("RGB")).astype(int)


def picture(client, entry: dict, node: str = "9") -> numpy.ndarray:
    return pixels(client.view(entry["outputs"][node]["images"][0]))


def advanced(latent: list, first: int, end: int, **changes: object) -> dict:
    return {"class_type": "KSamplerAdvanced", "inputs": {
        "add_noise": "enable", "noise_seed": 5, "steps": 4, "cfg": 8, "sampler_name": "euler", "scheduler": "normal",
        "start_at_step": first, "end_at_step": end, "return_with_leftover_noise": "disable", "model": ["4", 0],
        "positive": ["6", 0], "negative": ["7", 0], "latent_image": latent, **changes}}


@pytest.fixture
def jobs(host, api):
    """jobs() tells how many generations the host has been given since the last call."""
    def count() -> int:
        return len(host.generations.ListGenerations(api.ListGenerationsRequest(page_size=1000)).generations)

    before = [count()]

    def since() -> int:
        now = count()
        made, before[0] = now - before[0], now
        return made

    return since


@pytest.fixture
def drawn(host, api):
    """drawn(**settings): what the host gives for these settings, as the bridge would word them."""

    def draw(**settings: object):
        wanted = {"negative_prompt": "blurry", "seed": 5, "steps": 2, "guidance_scale": 8, "schedule": "normal",
                  "compat": api.COMPAT_PROFILE_COMFYUI, "keep_latent": True, **settings}
        done = host.finish(host.create("an apple", **wanted).id)
        assert done.state == api.GENERATION_STATE_SUCCEEDED, done.error
        latent = load(host.download(done.latent_artifact_id))["latent"]
        return latent, [pixels(host.download(made.artifact_id)) for made in done.pictures]

    return draw


def stored(host, latent: torch.Tensor) -> str:
    return host.upload(save({"latent": latent.contiguous()})).id


def test_the_common_graph_is_one_job(client, jobs, drawn):
    jobs()
    entry, _ = client.run(workflow(sampler={"seed": 41}))
    assert jobs() == 1
    _, (direct,) = drawn(seed=41)
    assert (picture(client, entry) == direct).all()


def test_a_latent_that_is_wanted_later_is_there(client, jobs, drawn):
    graph = workflow(sampler={"seed": 42})
    client.run(graph)
    jobs()
    graph["20"] = save_node(["3", 0])
    entry, frames = client.run(graph)
    assert jobs() == 0 and "3" in events(frames, "execution_cached")[0]["nodes"]
    latent, _ = drawn(seed=42)
    torch.testing.assert_close(saved(client, entry, "20") * SCALE, latent)


def test_pictures_that_are_wanted_later_are_decoded(client, jobs, drawn):
    graph = workflow(sampler={"seed": 43}, nodes={"20": save_node(["3", 0])})
    decoding = {name: graph.pop(name) for name in ("8", "9")}
    client.run(graph)
    jobs()
    entry, _ = client.run(graph | decoding)
    assert jobs() == 1
    _, (direct,) = drawn(seed=43)
    assert (picture(client, entry) == direct).all()


@pytest.mark.parametrize("method, seed", [("bilinear", 44), ("bislerp", 45)])
def test_hires_fix(client, host, jobs, drawn, method, seed):
    """Two samplers with an enlarged latent between them, against the same by hand over gRPC."""
    graph = workflow(sampler={"seed": 5, "steps": 2}, nodes={
        "20": {"class_type": "LatentUpscale", "inputs": {
            "samples": ["3", 0], "upscale_method": method, "width": 96, "height": 80, "crop": "disabled"}},
        "21": {"class_type": "KSampler", "inputs": {}}, "22": save_node(["21", 0])})
    graph["21"]["inputs"] = {**graph["3"]["inputs"], "latent_image": ["20", 0], "denoise": 0.6, "seed": 6, "steps": 3}
    graph["8"]["inputs"]["samples"] = ["21", 0]
    graph["3"]["inputs"]["seed"] = seed
    jobs()
    entry, _ = client.run(graph)
    assert jobs() == 2
    first, _ = drawn(seed=seed)
    second, (direct,) = drawn(seed=6, steps=3, strength=0.6, size={"width": 96, "height": 80},
                              start_latent_artifact_id=stored(host, resized(first, 12, 10, method)))
    torch.testing.assert_close(saved(client, entry, "22") * SCALE, second, rtol=1e-4, atol=1e-4)
    assert abs(picture(client, entry) - direct).max() <= 1
    file = Image.open(io.BytesIO(client.view(entry["outputs"]["9"]["images"][0])))
    assert file.info["parameters"].startswith("an apple\nNegative prompt: blurry\nSteps: 3")


@pytest.mark.parametrize("sampler", ["euler", "heun", "dpmpp_2m"])
def test_two_halves_are_the_whole(client, sampler):
    """KSamplerAdvanced in two parts; a sampler with a history begins it anew, as ComfyUI's does."""
    whole, _ = client.run(workflow(sampler={"steps": 4, "sampler_name": sampler}, nodes={"20": save_node(["3", 0])}))
    graph = workflow(nodes={
        "3": advanced(["21", 0], 2, 10000, sampler_name=sampler, add_noise="disable"),
        "21": advanced(["5", 0], 0, 2, sampler_name=sampler, return_with_leftover_noise="enable"),
        "20": save_node(["3", 0])})
    parts, _ = client.run(graph)
    same = picture(client, parts) - picture(client, whole)
    if sampler == "dpmpp_2m":
        assert abs(same).max() > 0
        return
    assert (same == 0).all()
    assert saved(client, parts, "20").equal(saved(client, whole, "20"))


def test_parts_of_the_steps(client, host, drawn):
    graph = workflow(nodes={"3": advanced(["5", 0], 1, 3, noise_seed=9), "20": save_node(["3", 0])})
    entry, _ = client.run(graph)
    latent, (direct,) = drawn(seed=9, steps=4, range={"first": 1, "end": 3})
    assert (picture(client, entry) == direct).all()
    torch.testing.assert_close(saved(client, entry, "20") * SCALE, latent)


@pytest.mark.parametrize("first, end", [(4, 10000), (3, 2)])
def test_no_steps_leave_the_latent(client, first, end):
    latent = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(1))
    graph = workflow(nodes={"20": load_node(upload_latent(client, "start.latent", latent)), "22": save_node(["3", 0]),
                            "3": advanced(["20", 0], first, end)})
    entry, _ = client.run(graph)
    torch.testing.assert_close(saved(client, entry, "22"), latent)


def custom(latent: list, sigmas: list, noise: list, **changes: object) -> dict:
    return {"class_type": "SamplerCustomAdvanced", "inputs": {
        "noise": noise, "guider": ["31", 0], "sampler": ["32", 0], "sigmas": sigmas, "latent_image": latent, **changes}}


def custom_nodes(steps: int = 4, seed: int = 5, sampler: str = "euler") -> dict:
    return {
        "30": {"class_type": "RandomNoise", "inputs": {"noise_seed": seed}},
        "31": {"class_type": "CFGGuider", "inputs": {"model": ["4", 0], "positive": ["6", 0], "negative": ["7", 0],
                                                     "cfg": 8}},
        "32": {"class_type": "KSamplerSelect", "inputs": {"sampler_name": sampler}},
        "33": {"class_type": "BasicScheduler", "inputs": {"model": ["4", 0], "scheduler": "normal", "steps": steps,
                                                          "denoise": 1}},
        "34": {"class_type": "DisableNoise", "inputs": {}}}


@pytest.mark.parametrize("split", [{"class_type": "SplitSigmas", "inputs": {"step": 3}},
                                   {"class_type": "SplitSigmasDenoise", "inputs": {"denoise": 0.25}}])
def test_split_sigmas(client, split):
    whole, _ = client.run(workflow(sampler={"steps": 4}))
    split["inputs"]["sigmas"] = ["33", 0]
    parts, _ = client.run(workflow(nodes={
        **custom_nodes(), "35": split, "36": custom(["5", 0], ["35", 0], ["30", 0]),
        "3": custom(["36", 0], ["35", 1], ["34", 0])}))
    assert (picture(client, parts) == picture(client, whole)).all()


@pytest.mark.parametrize("name, inputs, scheduler", [
    ("KarrasScheduler", {"sigma_max": 14.614642, "sigma_min": 0.0291675, "rho": 7.0}, "karras"),
    ("ExponentialScheduler", {"sigma_max": 14.614642, "sigma_min": 0.0291675}, "exponential"),
    ("PolyexponentialScheduler", {"sigma_max": 14.614642, "sigma_min": 0.0291675, "rho": 1}, "exponential"),
    ("BetaSamplingScheduler", {"model": ["4", 0], "alpha": 0.6, "beta": 0.6}, "beta")])
def test_schedulers_by_their_numbers(client, name, inputs, scheduler):
    plain, _ = client.run(workflow(sampler={"steps": 3, "scheduler": scheduler}))
    nodes = custom_nodes() | {"33": {"class_type": name, "inputs": {"steps": 3, **inputs}}, "3": {
        "class_type": "SamplerCustom", "inputs": {
            "model": ["4", 0], "add_noise": True, "noise_seed": 5, "cfg": 8, "positive": ["6", 0],
            "negative": ["7", 0], "sampler": ["32", 0], "sigmas": ["33", 0], "latent_image": ["5", 0]}}}
    named, _ = client.run(workflow(nodes=nodes))
    assert (picture(client, named) == picture(client, plain)).all()


def test_denoised_output(client):
    """It is the output where the sampler ends at it, and refused where it is something else."""
    graph = workflow(nodes=custom_nodes(2) | {"3": custom(["5", 0], ["33", 0], ["30", 0])})
    graph["8"]["inputs"]["samples"] = ["3", 1]
    entry, _ = client.run(graph)
    plain, _ = client.run(workflow(sampler={"steps": 2}))
    assert (picture(client, entry) == picture(client, plain)).all()
    graph["32"]["inputs"]["sampler_name"] = "lms"
    _, frames = client.run(graph)
    error = events(frames, "execution_error")[0]
    assert error["node_id"] == "8" and "denoised_output" in error["exception_message"]


def start_picture(seed: int = 3, size: tuple[int, int] = (64, 64)) -> numpy.ndarray:
    return numpy.random.default_rng(seed).integers(0, 255, (*size[::-1], 3), dtype=numpy.uint8)


def test_a_picture_to_start_from_costs_no_job(client, host, jobs, drawn):
    start = start_picture(size=(70, 67))  # cut to 64x64 in the middle
    graph = workflow(sampler={"denoise": 0.5, "steps": 4, "latent_image": ["11", 0]}, nodes={
        "10": {"class_type": "LoadImage", "inputs": {"image": upload_picture(client, "start.png", start)}},
        "11": {"class_type": "VAEEncode", "inputs": {"pixels": ["10", 0], "vae": ["4", 2]}}})
    jobs()
    entry, _ = client.run(graph)
    assert jobs() == 1
    file = io.BytesIO()
    Image.fromarray(start[1:65, 3:67]).save(file, "PNG")
    _, (direct,) = drawn(steps=4, strength=0.5, image_artifact_id=host.upload(file.getvalue()).id)
    assert (picture(client, entry) == direct).all()


def test_a_batch_from_latents_is_one_job(client, host, jobs, drawn):
    """Two pictures are encoded one by one and drawn from together, with the noise of one batch."""
    starts = [start_picture(seed) for seed in (1, 2)]
    nodes = {str(10 + i): {"class_type": "LoadImage", "inputs": {
        "image": upload_picture(client, f"start{i}.png", start)}} for i, start in enumerate(starts)}
    graph = workflow(sampler={"denoise": 0.5, "steps": 4, "latent_image": ["13", 0]}, nodes=nodes | {
        "12": {"class_type": "ImageBatch", "inputs": {"image1": ["10", 0], "image2": ["11", 0]}},
        "13": {"class_type": "VAEEncode", "inputs": {"pixels": ["12", 0], "vae": ["4", 2]}}})
    jobs()
    entry, _ = client.run(graph)
    assert jobs() == 3
    encoded = []
    for start in starts:
        file = io.BytesIO()
        Image.fromarray(start).save(file, "PNG")
        encoded.append(drawn(steps=1, image_artifact_id=host.upload(file.getvalue()).id, range={"first": 1},
                             without_pictures=True)[0])
    _, direct = drawn(steps=4, strength=0.5, batch=2, start_latent_artifact_id=stored(host, torch.cat(encoded)))
    for image, theirs in zip(entry["outputs"]["9"]["images"], direct, strict=True):
        assert (pixels(client.view(image)) == theirs).all()


def test_encoding_and_decoding_alone(client, host, jobs, drawn):
    start = start_picture()
    graph = {"4": workflow()["4"], "9": workflow()["9"],
             "10": {"class_type": "LoadImage", "inputs": {"image": upload_picture(client, "start.png", start)}},
             "11": {"class_type": "VAEEncode", "inputs": {"pixels": ["10", 0], "vae": ["4", 2]}},
             "12": save_node(["11", 0]),
             "8": {"class_type": "VAEDecode", "inputs": {"samples": ["11", 0], "vae": ["4", 2]}}}
    entry, _ = client.run(graph)
    file = io.BytesIO()
    Image.fromarray(start).save(file, "PNG")
    latent, (direct,) = drawn(steps=1, image_artifact_id=host.upload(file.getvalue()).id, range={"first": 1})
    torch.testing.assert_close(saved(client, entry, "12") * SCALE, latent)
    assert (picture(client, entry) == direct).all()


def test_latents_go_from_model_to_model(client):
    """Another checkpoint's autoencoder decodes by a job of its own; "other" has the same weights."""
    graph = workflow(nodes={
        "20": {"class_type": "VAELoader", "inputs": {"vae_name": "other.safetensors"}},
        "21": {"class_type": "VAEDecode", "inputs": {"samples": ["3", 0], "vae": ["20", 0]}},
        "22": {"class_type": "SaveImage", "inputs": {"filename_prefix": "other", "images": ["21", 0]}}})
    entry, _ = client.run(graph)
    assert (picture(client, entry, "22") == picture(client, entry)).all()


def test_zeros_decode(client, drawn, host):
    graph = workflow()
    graph["8"]["inputs"]["samples"] = ["5", 0]
    del graph["3"]
    entry, _ = client.run(graph)
    _, (direct,) = drawn(steps=1, range={"first": 1}, start_latent_artifact_id=stored(host, torch.zeros(1, 4, 8, 8)))
    assert (picture(client, entry) == direct).all()


def test_partial_denoising_of_nothing(client, drawn, host):
    """ComfyUI starts at a lower level there; it does not draw from the highest one."""
    entry, _ = client.run(workflow(sampler={"denoise": 0.5, "steps": 3}))
    _, (direct,) = drawn(steps=3, strength=0.5, start_latent_artifact_id=stored(host, torch.zeros(1, 4, 8, 8)))
    assert (picture(client, entry) == direct).all()


def test_no_denoising_leaves_the_latent(client, jobs):
    latent = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(1))
    jobs()
    graph = workflow(sampler={"denoise": 0, "latent_image": ["20", 0]}, nodes={
        "20": load_node(upload_latent(client, "start.latent", latent)), "21": save_node(["3", 0])})
    del graph["8"], graph["9"]
    entry, _ = client.run(graph)
    assert saved(client, entry, "21").equal(latent) and jobs() == 0


def test_one_of_a_batch_alone(client):
    """A latent that was taken out of a batch keeps its noise."""
    graph = workflow(latent={"batch_size": 3}, sampler={"seed": 71}, nodes={"20": save_node(["3", 0])})
    batch, _ = client.run(graph)
    graph["21"] = {"class_type": "LatentFromBatch", "inputs": {"samples": ["5", 0], "batch_index": 1, "length": 1}}
    graph["3"]["inputs"]["latent_image"] = ["21", 0]
    one, _ = client.run(graph)
    torch.testing.assert_close(saved(client, one, "20"), saved(client, batch, "20")[1:2], rtol=1e-3, atol=1e-3)


def test_one_noise_for_all(client):
    graph = workflow(latent={"batch_size": 2}, sampler={"seed": 72, "latent_image": ["21", 0]}, nodes={
        "20": save_node(["3", 0]),
        "21": {"class_type": "LatentBatchSeedBehavior", "inputs": {"samples": ["5", 0], "seed_behavior": "fixed"}}})
    entry, _ = client.run(graph)
    both = saved(client, entry, "20")
    torch.testing.assert_close(both[0], both[1], rtol=1e-4, atol=1e-4)
    plain, _ = client.run(workflow(sampler={"seed": 72}, nodes={"20": save_node(["3", 0])}))
    torch.testing.assert_close(both[:1], saved(client, plain, "20"), rtol=1e-3, atol=1e-3)


def test_a_latent_that_the_host_lost_is_drawn_again(client, host, api):
    """The prompt that trips over it fails; the next one makes everything anew."""
    graph = workflow(sampler={"seed": 73})
    client.run(graph)
    newest = host.generations.ListGenerations(api.ListGenerationsRequest(page_size=1)).generations[0]
    (host.folder / "data/artifacts" / newest.latent_artifact_id[:2] / newest.latent_artifact_id).unlink()
    graph["20"] = save_node(["3", 0])
    _, frames = client.run(graph)
    assert events(frames, "execution_error")[0]["exception_type"] == "NOT_FOUND"
    entry, frames = client.run(graph)
    assert entry["status"]["completed"] and events(frames, "execution_cached")[0]["nodes"] == []
    assert saved(client, entry, "20").shape == (1, 4, 8, 8)
