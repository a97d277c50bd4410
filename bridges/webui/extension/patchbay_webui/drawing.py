"""Draws what the page asks for on the host instead of here."""

from __future__ import annotations

import json

from modules import images, processing, shared
from patchbay_client import infotext_of, picture_of

from .controls import MODEL_KEY, SETTINGS_KEY, Wish
from .feedback import Feedback, Stopped
from .options import Connection
from .generation import ignored, parts_of, settings_of


def draw(p, to: Connection, wish: Wish):
    """All batches of `p`, a StableDiffusionProcessing. The local model is not touched.

    Interrupt ends the batch that is being drawn and keeps the earlier ones; Skip goes on with the next batch.
    """
    processing.fix_seed(p)
    p.setup_prompts()
    p.all_seeds = [p.seed + number for number in range(len(p.all_prompts))]
    p.all_subseeds = [p.subseed] * len(p.all_prompts)
    p.sd_model_name, p.sd_model_hash = wish.model or "Patchbay", ""
    for sentence in ignored(p):
        p.comment(sentence)
    plugins = {plugin.id: plugin for plugin in to.catalogue.refresh(now=True).plugins}
    shared.state.job_count = p.n_iter * (2 if getattr(p, "enable_hr", False) else 1)
    drawn = _Drawn(p, wish)
    for number in range(p.n_iter):
        if shared.state.interrupted or getattr(shared.state, "stopping_generation", False):
            break
        shared.state.job = f"Batch {number + 1} out of {p.n_iter}"
        try:
            for part in parts_of(p, number):
                feedback = Feedback()
                made = to.host.draw(settings_of(p, part, wish, to.host, plugins), feedback.on_progress,
                                    feedback.on_preview, feedback.check)
                drawn.add(made, part)
        except Stopped:
            shared.state.skipped = False
        shared.state.nextjob()
    return drawn.processed()


class _Drawn:
    """Finished pictures and their texts."""

    def __init__(self, p, wish: Wish):
        self._p, self._suffix = p, _suffix(wish)
        self._pictures, self._texts, self._seeds, self._prompts, self._negative_prompts = [], [], [], [], []

    def add(self, made, part) -> None:
        p = self._p
        for number, file in enumerate(made.files):
            picture, text = picture_of(file), infotext_of(file) + self._suffix
            seed = part.seed + number
            if shared.opts.samples_save and not p.do_not_save_samples:
                images.save_image(picture, p.outpath_samples, "", seed, part.prompt, shared.opts.samples_format,
                                  info=text, p=p)
            if shared.opts.enable_pnginfo:
                picture.info["parameters"] = text
            self._pictures.append(picture)
            self._texts.append(text)
            self._seeds.append(seed)
            self._prompts.append(part.prompt)
            self._negative_prompts.append(part.negative_prompt)
        for warning in made.generation.report.warnings:
            p.comment(warning)

    def processed(self):
        return processing.Processed(
            self._p, self._pictures, seed=self._p.seed, subseed=self._p.subseed,
            info=self._texts[0] if self._texts else "", infotexts=self._texts,
            all_prompts=self._prompts, all_negative_prompts=self._negative_prompts, all_seeds=self._seeds,
            all_subseeds=[self._p.subseed] * len(self._pictures))


def _suffix(wish: Wish) -> str:
    """Pairs by which a pasted infotext chooses script, model and plugins again; pictures among settings are left out."""
    pairs = {"Script": "Patchbay"}
    if wish.model:
        pairs[MODEL_KEY] = wish.model
    settings = {plugin: {name: value for name, value in values.items() if not isinstance(value, bytes)}
                for plugin, values in wish.plugins.items()}
    if settings:
        pairs[SETTINGS_KEY] = json.dumps(settings)
    return "".join(f", {key}: {_quoted(value)}" for key, value in pairs.items())


def _quoted(value: str) -> str:
    """As infotexts quote what would end a pair."""
    return json.dumps(value, ensure_ascii=False) if any(mark in value for mark in ',:\n"') else value
