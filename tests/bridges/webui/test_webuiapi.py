"""The unmodified package `webuiapi` against the A1111 bridge."""

from __future__ import annotations

import asyncio
import io
import json
import threading
import time

import numpy
import pytest
import webuiapi
from PIL import Image

SMALL = {"width": 64, "height": 64, "steps": 2}


@pytest.fixture
def client(bridges) -> webuiapi.WebUIApi:
    return webuiapi.WebUIApi(host=bridges.host, port=bridges.webui_port)


def pixels(picture: Image.Image) -> numpy.ndarray:
    return numpy.asarray(picture.convert("RGB")).astype(int)


def test_reads_everything(client):
    assert not client.has_controlnet
    # Routes of 2022 that no server has had since.
    gone = {"get_artist_categories", "get_artists"}
    for name in dir(client):
        if name.startswith("get_") and name not in gone and name != "get_endpoint":
            answer = getattr(client, name)()
            assert answer is not None, name
    assert client.util_get_model_names()
    assert client.util_get_current_model() in client.util_get_model_names()
    for name in client.util_get_scheduler_names() if hasattr(client, "util_get_scheduler_names") else []:
        assert name


def test_unknown_route_of_old_client(client):
    assert client.get_artists() == {"detail": "Not Found"}


def test_txt2img_is_repeatable(client):
    first = client.txt2img(prompt="an apple", seed=1, **SMALL)
    second = client.txt2img(prompt="an apple", seed=1, **SMALL)
    assert first.image.size == (64, 64)
    assert (pixels(first.image) == pixels(second.image)).all()
    assert (pixels(first.image) != pixels(client.txt2img(prompt="an apple", seed=2, **SMALL).image)).any()
    assert first.info["all_seeds"] == [1] and len(first.info["infotexts"]) == 1
    assert first.info["infotexts"][0].startswith("an apple\nSteps: 2, Sampler: Euler a, Schedule type: Automatic, "
                                                 "CFG scale: 7, Seed: 1, Size: 64x64, Model hash: ")
    assert first.image.info["parameters"] == first.info["infotexts"][0]


def test_batches(client):
    result = client.txt2img(prompt="a bird", seed=5, batch_size=2, n_iter=2, **SMALL)
    assert len(result.images) == 4 and result.info["all_seeds"] == [5, 6, 7, 8]
    assert result.info["index_of_first_image"] == 0
    alone = client.txt2img(prompt="a bird", seed=7, **SMALL)
    assert abs(pixels(alone.image) - pixels(result.images[2])).max() <= 1


def test_hires(client):
    result = client.txt2img(prompt="a bird", seed=5, enable_hr=True, hr_scale=2, denoising_strength=0.5, **SMALL)
    assert result.image.size == (128, 128)
    assert "Denoising strength: 0.5" in result.info["infotexts"][0]
    assert "Hires upscale: 2" in result.info["infotexts"][0]


def test_img2img(client):
    start = Image.new("RGB", (96, 48), (200, 40, 40))
    result = client.img2img(images=[start], prompt="a bird", seed=3, denoising_strength=0.6, **SMALL)
    assert result.image.size == (64, 64)
    assert "Denoising strength: 0.6" in result.image.info["parameters"]


@pytest.mark.parametrize("fill", [0, 1, 2, 3])
@pytest.mark.parametrize("only_masked", [False, True])
def test_inpainting_keeps_what_is_black(client, fill, only_masked):
    random = numpy.random.default_rng(1)
    start = Image.fromarray(random.integers(0, 255, (64, 64, 3), dtype=numpy.uint8))
    mask = Image.new("L", (64, 64), 0)
    mask.paste(255, (32, 32, 64, 64))
    result = client.img2img(images=[start], mask_image=mask, mask_blur=0, inpainting_fill=fill,
                            inpaint_full_res=only_masked, prompt="a bird", seed=3, denoising_strength=1.0, **SMALL)
    difference = abs(pixels(result.image) - pixels(start))
    assert difference[:32].max() == 0 and difference[:, :32].max() == 0
    assert difference[32:, 32:].mean() > 5


def test_inverted_mask_and_blur(client):
    start = Image.new("RGB", (64, 64), (10, 200, 30))
    mask = Image.new("L", (64, 64), 0)
    mask.paste(255, (0, 0, 32, 64))
    result = client.img2img(images=[start], mask_image=mask, inpainting_mask_invert=1, mask_blur=2,
                            inpaint_full_res=False, prompt="a bird", seed=3, denoising_strength=1.0, **SMALL)
    difference = abs(pixels(result.image) - pixels(start))
    assert difference[:, :20].max() == 0 and difference[:, 44:].mean() > 5


@pytest.mark.parametrize(("script", "arguments"), [
    ("Outpainting mk2", ["", 20, 0, ["left", "right"], 1, 0.05]), ("poor man's outpainting", [20, 0, "fill", ["left", "right"]])])
def test_outpainting_scripts(client, script, arguments):
    photo = Image.fromarray(numpy.random.default_rng(1).integers(0, 256, (45, 60, 3), dtype=numpy.uint8))
    result = client.img2img(images=[photo], prompt="a garden", steps=2, seed=4, script_name=script, script_args=arguments)
    drawn = numpy.asarray(result.image.convert("RGB"))
    assert drawn.shape == (45, 128, 3)  # 60 + 2 * 20, up to a multiple of 64
    assert (drawn[:, 34:94] == numpy.asarray(photo)).all()
    assert "outpainter" in result.info["infotexts"][0]


@pytest.mark.parametrize(("script", "arguments", "words"), [
    ("Outpainting mk2", ["", 20, 0, ["north"]], "directions are"), ("Outpainting mk2", ["", 0], "nothing would be painted"),
    ("X/Y/Z plot", [], "X/Y/Z plot.* not found")])
def test_wrong_scripts(client, script, arguments, words):
    with pytest.raises(RuntimeError, match=words):
        client.img2img(images=[Image.new("RGB", (60, 45))], prompt="x", steps=2, script_name=script, script_args=arguments)


@pytest.mark.parametrize("mode", [0, 1, 2, 3])
def test_resize_modes(client, mode):
    start = Image.new("RGB", (200, 50), (10, 200, 30))
    assert client.img2img(images=[start], resize_mode=mode, seed=1, **SMALL).image.size == (64, 64)


def test_async_requests_end_in_order(bridges):
    client = webuiapi.WebUIApi(host=bridges.host, port=bridges.webui_port)
    ended = []

    async def draw(number: int):
        await asyncio.sleep(number * 0.2)
        result = await client.txt2img(prompt="a fish", seed=number, use_async=True, width=64, height=64, steps=8)
        ended.append(number)
        return result

    async def all_three():
        return await asyncio.gather(*(draw(number) for number in range(3)))

    results = asyncio.run(all_three())
    assert ended == [0, 1, 2] and [result.info["seed"] for result in results] == [0, 1, 2]


def in_background(call) -> tuple[threading.Thread, list]:
    results: list = []
    thread = threading.Thread(target=lambda: results.append(call()))
    thread.start()
    return thread, results


def test_progress(client):
    thread, results = in_background(lambda: client.txt2img(prompt="a tree", seed=1, steps=30, width=256, height=256))
    values, previews, steps = [], [], set()
    while thread.is_alive():
        answer = client.get_progress()
        if answer["state"]["job_count"]:
            values.append(answer["progress"])
            steps.add(answer["state"]["sampling_step"])
            if answer["current_image"]:
                previews.append(answer["current_image"])
        time.sleep(0.01)
    thread.join()
    assert len(results[0].images) == 1
    assert values == sorted(values) and values[0] > 0 and values[-1] <= 1
    assert len(set(previews)) >= 3 and len(steps) > 3
    for preview in set(previews):
        assert webuiapi.webuiapi.Image.open(io.BytesIO(__import__("base64").b64decode(preview))).size[0] > 0
    idle = client.get_progress()
    assert idle["progress"] == 0 and idle["state"]["job_count"] == 0
    client.util_wait_for_ready(0.1)


def test_interrupt(client):
    thread, results = in_background(
        lambda: client.txt2img(prompt="a tree", seed=1, steps=150, width=256, height=256))
    while client.get_progress()["state"]["sampling_step"] < 2:
        time.sleep(0.01)
    began = time.monotonic()
    assert client.interrupt() == {}
    thread.join(20)
    assert time.monotonic() - began < 10
    assert results[0].images[0].size == (256, 256)


def test_skip_goes_on_with_the_next(client):
    thread, results = in_background(
        lambda: client.txt2img(prompt="a tree", seed=1, steps=40, width=256, height=256, n_iter=2))
    while client.get_progress()["state"]["sampling_step"] < 2:
        time.sleep(0.01)
    assert client.skip() is None
    thread.join(60)
    assert results[0].info["all_seeds"] == [1, 2]


def test_set_model(client):
    before = client.util_get_current_model()
    client.util_set_model("other")
    client.util_wait_for_ready(0.1)
    assert client.util_get_current_model().startswith("other.safetensors [")
    client.util_set_model(before)
    assert client.util_get_current_model() == before


def test_options(client):
    options = client.get_options()
    assert client.set_options({"CLIP_stop_at_last_layers": 2}) is None
    assert client.get_options()["CLIP_stop_at_last_layers"] == 2
    result = client.txt2img(prompt="an apple", seed=1, **SMALL)
    assert "Clip skip: 2" in result.info["infotexts"][0] and result.info["clip_skip"] == 2
    client.set_options(options)
    assert client.get_options() == options


def test_png_info_round_trip(client):
    drawn = client.txt2img(prompt='an apple, "red": (round:1.2)', negative_prompt="blurry\nbad", seed=11, cfg_scale=5.5,
                           sampler_name="DPM++ 2M", scheduler="karras", **SMALL)
    told = client.png_info(drawn.image)
    assert told.info == drawn.info["infotexts"][0]
    parameters = told.parameters if hasattr(told, "parameters") else told.json["parameters"]
    if parameters:
        assert parameters["Prompt"] == 'an apple, "red": (round:1.2)'
        assert parameters["Negative prompt"] == "blurry\nbad" and parameters["Size-2"] == "64"
        assert parameters["Sampler"] == "DPM++ 2M" and parameters["Schedule type"] == "Karras"
    again = client.session.post(f"{client.baseurl}/txt2img", json={"infotext": told.info}).json()
    assert json.loads(again["info"])["infotexts"][0] == told.info
    assert again["images"][0] == client.session.post(f"{client.baseurl}/txt2img",
                                                     json={"infotext": told.info}).json()["images"][0]


def test_extras(client):
    picture = Image.new("RGB", (20, 10), (1, 2, 3))
    assert client.extra_single_image(picture, upscaler_1="Lanczos", upscaling_resize=3).image.size == (60, 30)
    batch = client.extra_batch_images([picture, picture], upscaler_1="Nearest", upscaling_resize=2)
    assert [image.size for image in batch.images] == [(40, 20), (40, 20)]
