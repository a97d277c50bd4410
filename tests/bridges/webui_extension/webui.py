"""A stand-in for the surface of AUTOMATIC1111's web UI and Forge that an extension touches, written from its behaviour.

`WebUi.modules()` are the modules `gradio`, `launch` and `modules.*`. `WebUi.page()` loads an extension's script, builds
its controls and runs it as the page and the API do.
"""

from __future__ import annotations

import importlib.util
import json
import pathlib
import re
import sys
import types

from PIL import Image


class Component:
    """Any gradio component: remembers what it was made with."""

    def __init__(self, **options: object):
        self.__dict__.update({"label": None, "value": None, **options})
        self.options = options

    def click(self, fn, inputs, outputs) -> None:
        self.clicked = (fn, inputs, outputs)

    def __enter__(self) -> Component:
        return self

    def __exit__(self, *_: object) -> None:
        return None


def gradio(made: list) -> types.ModuleType:
    module = types.ModuleType("gradio")

    def component(name: str) -> type:
        def create(self, *arguments, **options):
            Component.__init__(self, **options, **({"value": arguments[0]} if arguments else {}))
            made.append(self)
        return type(name, (Component,), {"__init__": create})

    for name in ("Accordion", "Button", "Checkbox", "Dropdown", "File", "Image", "Markdown", "Number", "Slider", "Textbox"):
        setattr(module, name, component(name))
    module.update = lambda **changes: changes
    return module


class Options:
    """shared.opts: unknown names raise, as A1111's do."""

    def __init__(self, **values: object):
        self.__dict__.update(values)
        self.declared: dict[str, object] = {}

    def add_option(self, key: str, info: OptionInfo) -> None:
        self.declared[key] = info
        self.__dict__.setdefault(key, info.default)


class OptionInfo:
    def __init__(self, default=None, label="", section=None):
        self.default, self.label, self.section, self.comment_after = default, label, section, ""

    def info(self, text: str) -> OptionInfo:
        self.comment_after += text
        return self


class State:
    def __init__(self) -> None:
        self.skipped = self.interrupted = self.stopping_generation = False
        self.job, self.job_no, self.job_count, self.sampling_step, self.sampling_steps = "", 0, -1, 0, 0
        self.previews: list[Image.Image] = []
        self.seen: list[tuple[int, int, int]] = []

    def __setattr__(self, name: str, value: object) -> None:
        super().__setattr__(name, value)
        if name == "sampling_step" and value:
            self.seen.append((self.job_no, value, self.sampling_steps))
            self.on_step()

    def on_step(self) -> None:
        return None

    def nextjob(self) -> None:
        self.job_no, self.sampling_step = self.job_no + 1, 0

    def assign_current_image(self, picture: Image.Image) -> None:
        self.previews.append(picture)


class Processing:
    """StableDiffusionProcessingTxt2Img, or ...Img2Img when it has `init_images`."""

    def __init__(self, **fields: object):
        self.__dict__.update({
            "prompt": "an apple", "negative_prompt": "blurry", "styles": [], "seed": 7, "subseed": -1,
            "subseed_strength": 0, "sampler_name": "Euler a", "scheduler": "Automatic", "batch_size": 1, "n_iter": 1,
            "steps": 3, "cfg_scale": 6.0, "width": 64, "height": 64, "restore_faces": False, "tiling": False,
            "do_not_save_samples": False, "outpath_samples": "samples", "eta": None, "denoising_strength": 0.75,
            "enable_hr": False, "hr_scale": 2.0, "hr_resize_x": 0, "hr_resize_y": 0, "hr_second_pass_steps": 0,
            "comments": {}})
        if "init_images" in fields:
            self.__dict__.update(resize_mode=0, image_mask=None, inpainting_mask_invert=0, inpaint_full_res=False)
        self.__dict__.update(fields)

    def setup_prompts(self) -> None:
        count = self.batch_size * self.n_iter
        style = "".join(f", {style}" for style in self.styles)
        self.all_prompts = self.prompt if isinstance(self.prompt, list) else [self.prompt + style] * count
        self.all_negative_prompts = [self.negative_prompt] * len(self.all_prompts)

    def comment(self, text: str) -> None:
        self.comments[text] = 1


class Processed:
    def __init__(self, p, images_list, seed=-1, info="", subseed=None, all_prompts=None, all_negative_prompts=None,
                 all_seeds=None, all_subseeds=None, index_of_first_image=0, infotexts=None):
        self.images, self.seed, self.info, self.infotexts = images_list, seed, info, infotexts
        self.all_prompts, self.all_negative_prompts, self.all_seeds = all_prompts, all_negative_prompts, all_seeds
        self.comments = "".join(f"{comment}\n" for comment in p.comments)
        assert p.sd_model_name is not None and p.sd_model_hash is not None


def parse_infotext(text: str) -> dict[str, str]:
    """The last line's pairs, as the web UI reads them when an infotext is pasted."""
    pairs = re.findall(r'\s*(\w[\w \-/]+):\s*("(?:\\.|[^\\"])+"|[^,]*)(?:,|$)', text.splitlines()[-1])
    assert len(pairs) >= 3
    return {key: json.loads(value) if value.startswith('"') else value for key, value in pairs}


class Page:
    """One tab's script: its controls, their places among all arguments, and runs."""

    def __init__(self, script_class: type, is_img2img: bool = False):
        self.script = script_class()
        self.script.is_img2img = is_img2img
        assert self.script.show(is_img2img) is True
        self.components = self.script.ui(is_img2img)

    def script_info(self) -> list[dict]:
        """As GET /sdapi/v1/script-info derives it."""
        return [{key: getattr(component, key, None) for key in ("label", "value", "minimum", "maximum", "step", "choices")}
                for component in self.components]

    def run(self, p: Processing, values: dict[str, object] | None = None) -> Processed:
        """A click on Generate after the controls with these elem_ids were changed."""
        changed = dict(values or {})
        arguments = [changed.pop(component.elem_id, component.value) for component in self.components]
        assert not changed, changed
        return self.script.run(p, *arguments)

    def run_by_api(self, p: Processing, script_args: list, others: list) -> Processed:
        """A request's script_args take the slice's place; fewer of them let later scripts' arguments move up."""
        defaults = [0, *[component.value for component in self.script.ui(self.script.is_img2img)], *others]
        end = 1 + len(self.components)
        defaults[1:end] = script_args
        return self.script.run(p, *defaults[1:end])


class WebUi:
    def __init__(self, folder: pathlib.Path):
        self.folder, self.made, self.state = folder, [], State()
        self.opts = Options(samples_save=True, samples_format="png", enable_pnginfo=True, live_previews_enable=True,
                            show_progress_grid=True, CLIP_stop_at_last_layers=1)
        self.saved: list[tuple[Image.Image, dict]] = []
        self.settings_callbacks: list = []

    def modules(self) -> dict[str, types.ModuleType]:
        def save_image(picture, path, basename, seed=None, prompt=None, extension="png", info=None, p=None):
            self.saved.append((picture, {"path": path, "seed": seed, "prompt": prompt, "info": info}))

        def fix_seed(p):
            p.seed = 1234 if p.seed == -1 else p.seed
            p.subseed = 77 if p.subseed == -1 else p.subseed

        class Script:
            def elem_id(self, item: str) -> str:
                return f"script_{'img2img' if self.is_img2img else 'txt2img'}_patchbay_{item}"

        contents = {
            "gradio": vars(gradio(self.made)), "modules": {}, "modules.scripts": {"Script": Script},
            "modules.script_callbacks": {"on_ui_settings": self.settings_callbacks.append},
            "modules.shared": {"opts": self.opts, "state": self.state, "OptionInfo": OptionInfo},
            "modules.images": {"resize_image": lambda mode, picture, width, height: picture.resize((width, height)),
                               "save_image": save_image, "image_grid": lambda pictures: Image.new("RGB", (
                                   sum(picture.width for picture in pictures), pictures[0].height))},
            "modules.processing": {"fix_seed": fix_seed, "Processed": Processed},
        }
        modules = {}
        for name, members in contents.items():
            modules[name] = types.ModuleType(name)
            vars(modules[name]).update({key: value for key, value in members.items() if not key.startswith("__")})
            if name.startswith("modules."):
                setattr(modules["modules"], name.removeprefix("modules."), modules[name])
        return modules

    def load_scripts(self, extension: pathlib.Path) -> type:
        """Imports the extension's script, as the web UI does: by path, its folder first on the path meanwhile."""
        for name in [name for name in sys.modules if name.split(".")[0] == "patchbay_webui"]:
            del sys.modules[name]
        path = list(sys.path)
        sys.path.insert(0, str(extension))
        try:
            spec = importlib.util.spec_from_file_location("patchbay.py", extension / "scripts/patchbay.py")
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
        finally:
            sys.path[:] = path
        for callback in self.settings_callbacks:
            callback()
        script = sys.modules["modules.scripts"].Script
        classes = [value for value in vars(module).values() if isinstance(value, type) and issubclass(value, script)]
        assert len(classes) == 1
        return classes[0]
