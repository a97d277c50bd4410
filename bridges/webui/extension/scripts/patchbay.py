"""The entry "Patchbay" of the list "Script": what is drawn with it is drawn by a Patchbay host."""

from __future__ import annotations

import modules.scripts as scripts
from modules import script_callbacks
from patchbay_webui import drawing, options
from patchbay_webui.controls import Controls

script_callbacks.on_ui_settings(options.declare)


class PatchbayScript(scripts.Script):
    # Which plugins have controls is settled when the page is built: arguments are told apart by their places.
    controls_of_page: Controls | None = None

    def title(self) -> str:
        return "Patchbay"

    def show(self, is_img2img: bool) -> bool:
        return True

    def ui(self, is_img2img: bool) -> list:
        if self.controls_of_page is None:
            self.controls_of_page = Controls(options.connection().catalogue)
        components = self.controls_of_page.build(self.elem_id)
        self.infotext_fields = self.controls_of_page.infotext_fields
        self.paste_field_names = [name for _, name in self.infotext_fields]
        return components

    def run(self, p, *arguments: object):
        if self.controls_of_page is None:
            self.controls_of_page = Controls(options.connection().catalogue)
        return drawing.draw(p, options.connection(), self.controls_of_page.read(arguments))
