"""What the extension draws is what a direct gRPC call draws, bit for bit; its controls are the host's schemas."""

from __future__ import annotations

import base64
import io
import json

import pytest
from bridges.webui_extension.webui import Page, Processing, parse_infotext
from PIL import Image


def direct(host, api, **settings: object) -> list[Image.Image]:
    """The pictures of a generation that asks for the same by gRPC."""
    wanted = {"prompt": "an apple", "negative_prompt": "blurry", "seed": 7, "steps": 3, "guidance_scale": 6.0,
              "sampler": "euler_a", "compat": api.COMPAT_PROFILE_A1111, "size": {"width": 64, "height": 64}, **settings}
    generation = host.finish(host.create(**wanted).id)
    assert generation.state == api.GENERATION_STATE_SUCCEEDED, generation.error
    return [Image.open(io.BytesIO(host.download(picture.artifact_id))) for picture in generation.pictures]


def pixels(pictures: list[Image.Image]) -> list[bytes]:
    return [picture.convert("RGB").tobytes() for picture in pictures]


def png(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def noise(width: int, height: int, mode: str = "RGB") -> Image.Image:
    return Image.effect_noise((width, height), 90).convert(mode)


def schemas(host, api) -> dict[str, object]:
    ids = {plugin.id for plugin in host.plugins.ListPlugins(api.ListPluginsRequest()).plugins}
    return {plugin: host.plugins.GetPluginSchema(api.GetPluginSchemaRequest(plugin_id=plugin)) for plugin in sorted(ids)}


def test_controls_are_the_schema(page, webui, host, api):
    known = schemas(host, api)
    info = page.script_info()
    assert info[0]["label"] == "Model" and info[0]["choices"][1:] == ["other", "sd1"]
    place = 2
    for schema in known.values():
        assert info[place]["label"] == f"Use {schema.plugin.name}" and info[place]["value"] is False
        for parameter in sorted(schema.parameters, key=lambda parameter: parameter.number):
            place += 1
            assert info[place]["label"] == (parameter.label or parameter.id)
            if parameter.type == api.PARAMETER_TYPE_CHOICE:
                assert info[place]["choices"] == [choice.id for choice in parameter.choices]
            is_number = parameter.type in (api.PARAMETER_TYPE_INT, api.PARAMETER_TYPE_DOUBLE)
            if is_number and parameter.HasField("soft_minimum") and parameter.HasField("soft_maximum"):
                assert [info[place]["minimum"], info[place]["maximum"]] == [parameter.soft_minimum,
                                                                            parameter.soft_maximum]
        place += 1
    assert place == len(info) and len(known) >= 5
    accordions = [component.label for component in webui.made if type(component).__name__ == "Accordion"]
    assert accordions == [schema.plugin.name for schema in known.values()]
    assert len({component.elem_id for component in page.components}) == len(page.components)
    assert set(webui.opts.declared) == {"patchbay_host", "patchbay_certificate"}


def test_batches_progress_and_previews(page, webui, host, api):
    processed = page.run(Processing(batch_size=2, n_iter=2))
    wanted = direct(host, api, batch=2) + direct(host, api, batch=2, seed=9)
    assert pixels(processed.images) == pixels(wanted)
    assert processed.all_seeds == [7, 8, 9, 10] and processed.seed == 7
    assert [parse_infotext(text)["Seed"] for text in processed.infotexts] == ["7", "8", "9", "10"]
    assert processed.images[0].info["parameters"] == processed.info == processed.infotexts[0]
    assert [facts["seed"] for _, facts in webui.saved] == [7, 8, 9, 10] and webui.saved[0][1]["path"] == "samples"
    assert webui.state.job_count == 2 and webui.state.job_no == 2
    assert (0, 3, 3) in webui.state.seen and (1, 3, 3) in webui.state.seen
    assert webui.state.previews and webui.state.previews[0].width == 2 * webui.state.previews[0].height
    assert page.run(Processing(seed=-1, do_not_save_samples=True)).seed == 1234
    assert len(webui.saved) == 4


def test_styles_samplers_and_hires(page, host, api):
    p = Processing(styles=["oil"], sampler_name="DPM++ 2M", scheduler="Karras", enable_hr=True, hr_scale=1.5,
                   denoising_strength=0.5, hr_second_pass_steps=2)
    processed = page.run(p)
    assert processed.images[0].size == (96, 96)
    assert pixels(processed.images) == pixels(direct(
        host, api, prompt="an apple, oil", sampler="dpmpp_2m", schedule="karras",
        hires=api.HiresPass(size={"width": 96, "height": 96}, strength=0.5, steps=2)))


@pytest.mark.parametrize("scheduler", ["Automatic", "Uniform", "Karras", "Exponential", "SGM Uniform", "KL Optimal",
                                       "Simple", "Normal", "DDIM", "Beta"])
def test_the_pages_schedule_types_are_understood(page, scheduler):
    assert len(page.run(Processing(sampler_name="Euler", scheduler=scheduler, steps=2)).images) == 1


def test_plugins_from_the_controls(page, host, api):
    prefix = "script_txt2img_patchbay_"
    processed = page.run(Processing(), {prefix + "cfgpp_on": True, prefix + "cfgpp_scale": 0.3,
                                        prefix + "pag_scale": 9.0})
    choice = api.PluginChoice(plugin_id="cfgpp", settings={"scale": api.ParameterValue(double_value=0.3)})
    assert pixels(processed.images) == pixels(direct(host, api, plugins=[choice])) != pixels(direct(host, api))
    pairs = parse_infotext(processed.info)
    assert schemas(host, api)["cfgpp"].plugin.build[:12] in pairs["Plugins"]
    # Pasting the infotext chooses the same again.
    assert pairs["Script"] == page.script.title()
    assert [label for _, label in page.script.infotext_fields] == page.script.paste_field_names
    named = {component.elem_id: pairs[label] for component, label in page.script.infotext_fields if label in pairs}
    assert list(named) == [prefix + "named"]
    assert pixels(page.run(Processing(), named).images) == pixels(processed.images)


def test_requests_to_the_api_name_settings(page, host, api):
    choice = api.PluginChoice(plugin_id="cfgpp", settings={"scale": api.ParameterValue(double_value=0.3)})
    wanted = pixels(direct(host, api, plugins=[choice], model="other"))
    # What stands behind a short list are other scripts' arguments.
    for named in ({"cfgpp": {"scale": 0.3}}, '{"cfgpp": {"scale": 0.3}}'):
        assert pixels(page.run_by_api(Processing(), ["other", named], [True, "x"] * 30).images) == wanted
    for named, complaint in (("{", "no JSON"), ("[1]", "object of objects"), ({"nothing": {}}, 'no plugin "nothing"'),
                             ({"cfgpp": {"much": 1}}, 'no setting "much"; it has scale'),
                             ({"cfgpp": {"scale": "much"}}, "takes a number")):
        with pytest.raises(Exception, match=complaint):
            page.run_by_api(Processing(), ["", named], [])
    with pytest.raises(Exception, match="nowhere"):
        page.run_by_api(Processing(), ["nowhere", "", *[None] * (len(page.components) - 2)], [])


def test_img2img_and_masks(new_page, host, api):
    page = new_page(host.address, is_img2img=True)
    start, mask = noise(64, 64), Image.new("L", (64, 64))
    mask.paste(255, (0, 0, 32, 64))
    common = {"strength": 0.6, "image_artifact_id": host.upload(png(start)).id}
    assert pixels(page.run(Processing(init_images=[start], denoising_strength=0.6)).images) == pixels(direct(
        host, api, **common))
    wanted = pixels(direct(host, api, **common, mask_artifact_id=host.upload(png(mask)).id))
    clear = Image.merge("RGBA", (mask, mask, mask, mask))
    for given, inverted in ((mask, 0), (clear, 0), (mask.point(lambda level: 255 - level), 1)):
        p = Processing(init_images=[start], denoising_strength=0.6, image_mask=given, inpainting_mask_invert=inverted)
        assert pixels(page.run(p).images) == wanted
    p = Processing(init_images=[start], image_mask=mask, inpaint_full_res=True, subseed_strength=0.5)
    comments = page.run(p).comments
    assert '"Only masked" is ignored' in comments and "variation seeds" in comments


def test_transparent_starts_lie_on_white(new_page, host, api):
    page = new_page(host.address, is_img2img=True)
    start = noise(64, 64, "RGBA")
    start.putalpha(Image.new("L", (64, 64), 0))
    white = host.upload(png(Image.new("RGB", (64, 64), "white"))).id
    assert pixels(page.run(Processing(init_images=[start], denoising_strength=0.6)).images) == pixels(direct(
        host, api, strength=0.6, image_artifact_id=white))


def test_several_prompts_and_starts_in_a_batch(page, new_page, host, api):
    processed = page.run(Processing(prompt=["an apple", "a pear"], batch_size=2))
    assert pixels(processed.images) == pixels(direct(host, api) + direct(host, api, prompt="a pear", seed=8))
    assert processed.all_prompts == ["an apple", "a pear"]
    starts = [noise(64, 64), noise(64, 64)]
    ids = [host.upload(png(start)).id for start in starts]
    processed = new_page(host.address, is_img2img=True).run(Processing(init_images=starts, batch_size=2,
                                                                       denoising_strength=0.6))
    assert pixels(processed.images) == pixels([direct(host, api, seed=7 + number, strength=0.6,
                                                      image_artifact_id=start)[0] for number, start in enumerate(ids)])


def test_models_are_listed_anew_by_the_button(page, webui):
    button = next(component for component in webui.made if type(component).__name__ == "Button")
    function, inputs, outputs = button.clicked
    assert inputs == [] and outputs == [page.components[0]]
    assert function() == {"choices": page.components[0].choices}


def test_places_stay_when_the_api_builds_the_controls_again(new_page, host, webui, api):
    """A web UI that started without a host keeps its places for arguments once there is one."""
    page = new_page("127.0.0.1:1")
    assert len(page.components) == 2 and any("No Patchbay host answers" in str(component.value)
                                             for component in webui.made)
    webui.opts.patchbay_host = host.address
    assert len(page.script.ui(False)) == 2
    named = json.dumps({"cfgpp": {"scale": 0.3}})
    processed = page.run(Processing(), {"script_txt2img_patchbay_named": named})
    assert "cfgpp" in parse_infotext(processed.info)["Plugins"]
    assert len(Page(type(page.script)).components) > 2  # Reload UI


def test_pictures_as_settings(new_page, host, webui):
    """No shipped plugin takes a picture, so the pieces are looked at apart."""
    import sys

    from patchbay_client import Field
    new_page(host.address)
    controls = sys.modules["patchbay_webui.controls"]
    setting = Field("reference", "picture", "Reference", "", None, None, None, None, None, (), "", False, False)
    assert type(controls.component_of(setting, "x")).__name__ == "Image"
    file = png(Image.new("RGB", (8, 8), "red"))
    assert controls._argument(setting, "data:image/png;base64," + base64.b64encode(file).decode()) == file
    assert controls._argument(setting, None) is None and controls._argument(setting, "") is None
    assert Image.open(io.BytesIO(controls._argument(setting, Image.open(io.BytesIO(file))))).getpixel((0, 0)) == (255, 0, 0)
    with pytest.raises(ValueError, match="base64"):
        controls._argument(setting, "%%")
    clip = Field("picture", "picture", "Picture", "", None, None, None, None, None, (), "", False, False, frames=True)
    component = controls.component_of(clip, "x")
    assert type(component).__name__ == "File" and component.options["type"] == "binary"
    assert controls._argument(clip, b"GIF89a...") == b"GIF89a..." and controls._argument(clip, b"") is None


def test_clips_as_settings(page, host, api):
    """A file of frames in base64, by name, is the outpainter's clip: a picture of the batch for each frame."""
    from clips import scene
    from patchbay_client import clip_of
    file = clip_of([Image.fromarray(frame) for frame in scene(2)])
    named = json.dumps({"outpainter": {"picture": base64.b64encode(file).decode(), "left": 16}})
    processed = page.run(Processing(batch_size=2, width=80, height=48), {"script_txt2img_patchbay_named": named})
    for picture, frame in zip(processed.images, scene(2), strict=True):
        assert picture.convert("RGB").crop((16, 0, 80, 48)).tobytes() == frame.tobytes()
