"""The extension inside a stand-in for the web UI."""

from __future__ import annotations

import sys

import pytest
from bridges.conftest import ROOT
from bridges.webui_extension.webui import Page, WebUi


@pytest.fixture
def webui(tmp_path, monkeypatch, client_package) -> WebUi:
    made = WebUi(tmp_path)
    for name, module in made.modules().items():
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setenv("PATCHBAY_PATIENCE", "2")
    return made


@pytest.fixture
def new_page(webui):
    """new_page(address) is the tab txt2img of a web UI that starts now with this host in its settings."""

    def make(address: str, is_img2img: bool = False) -> Page:
        webui.opts.patchbay_host = address
        return Page(webui.load_scripts(ROOT / "bridges/webui/extension"), is_img2img)

    return make


@pytest.fixture
def page(new_page, host) -> Page:
    return new_page(host.address)
