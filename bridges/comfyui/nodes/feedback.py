"""ComfyUI's progress bar, preview and interrupt, where there is a ComfyUI."""

from __future__ import annotations

import io

from PIL import Image

_PREVIEW_PIXELS = 512


class Feedback:
    """Shows one node's generations. `pictures` are drawn one after another, each with as many steps."""

    def __init__(self, pictures: int = 1):
        self._pictures, self._done, self._bar, self._total = pictures, 0, None, 0
        self._at = 0
        try:
            from comfy.model_management import throw_exception_if_processing_interrupted
            self.check = throw_exception_if_processing_interrupted
        except ImportError:
            self.check = lambda: None

    def on_progress(self, progress) -> None:
        self._total = progress.steps * self._pictures
        self._at = self._done * progress.steps + progress.step
        self._show(None)

    def on_preview(self, preview) -> None:
        if preview.jpegs:
            picture = Image.open(io.BytesIO(preview.jpegs[0]))
            self._show(("JPEG", picture, _PREVIEW_PIXELS))

    def finish_picture(self) -> None:
        self._done += 1

    def _show(self, preview) -> None:
        if self._bar is None:
            try:
                from comfy.utils import ProgressBar
            except ImportError:
                return
            self._bar = ProgressBar(max(1, self._total))
        self._bar.update_absolute(self._at, max(1, self._total), preview)
