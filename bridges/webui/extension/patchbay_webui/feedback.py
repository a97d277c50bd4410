"""The web UI's progress bar, live preview, and its buttons Interrupt and Skip."""

from __future__ import annotations

import io

from modules import images, shared
from PIL import Image


class Stopped(Exception):
    """The user has pressed Interrupt or Skip."""


class Feedback:
    """Shows one generation through shared.state."""

    def __init__(self) -> None:
        self._pass = 0

    def on_progress(self, progress) -> None:
        number = getattr(progress, "pass")
        if number > self._pass:
            self._pass = number
            shared.state.nextjob()
        shared.state.sampling_steps, shared.state.sampling_step = progress.steps, progress.step

    def on_preview(self, preview) -> None:
        if not preview.jpegs or not shared.opts.live_previews_enable:
            return
        pictures = [Image.open(io.BytesIO(jpeg)).convert("RGB") for jpeg in preview.jpegs]
        as_grid = len(pictures) > 1 and shared.opts.show_progress_grid
        shared.state.assign_current_image(images.image_grid(pictures) if as_grid else pictures[0])

    def check(self) -> None:
        if shared.state.interrupted or shared.state.skipped:
            raise Stopped
