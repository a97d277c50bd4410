"""The unmodified ComfyUI page (comfyui-frontend-package) in a headless browser, served by the bridge.

Environment: PATCHBAY_COMFYUI_FRONTEND (the package's folder "static"; default: the one that ./dev setup installed),
PATCHBAY_CHROMIUM (the browser; default: the one on the path).
"""

from __future__ import annotations

import os
import pathlib
import shutil

import pytest
import requests
from bridges.conftest import BUILD, ROOT

playwright = pytest.importorskip("playwright.sync_api")

FRONTEND = pathlib.Path(os.environ.get("PATCHBAY_COMFYUI_FRONTEND", ROOT / ".venv/share/patchbay/comfyui-frontend"))
BROWSER = os.environ.get("PATCHBAY_CHROMIUM") or shutil.which("chromium-headless-shell") or shutil.which("chromium")

pytestmark = [pytest.mark.skipif(not (FRONTEND / "index.html").exists(), reason="the page is not installed"),
              pytest.mark.skipif(BROWSER is None, reason="there is no Chromium")]


@pytest.fixture
def page(new_bridges):
    """The page after its start, and what went wrong meanwhile."""
    bridges = new_bridges("--comfyui-frontend", FRONTEND)
    with playwright.sync_playwright() as tool:
        browser = tool.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        opened = browser.new_page(viewport={"width": 1600, "height": 1000})
        opened.complaints = []
        opened.bridges = bridges
        opened.on("response", lambda answer: opened.complaints.append(f"{answer.status} {answer.url}")
                  if answer.status >= 400 and answer.url.startswith(bridges.comfyui) else None)
        opened.goto(bridges.comfyui)
        opened.wait_for_function("window.app?.graph?._nodes?.length > 0", timeout=120_000)
        yield opened
        browser.close()


def test_default_workflow_runs(page):
    """The page shows the default workflow at the first visit; Run draws it, and the page shows the picture."""
    kinds = page.evaluate("window.app.graph._nodes.map(node => node.type).sort()")
    assert kinds == sorted(["CheckpointLoaderSimple", "CLIPTextEncode", "CLIPTextEncode", "EmptyLatentImage", "KSampler",
                            "VAEDecode", "SaveImage"])
    # The tour of the original, and files that it has neither.
    allowed = ("user.css", "comfy.templates.json", "dir=subgraphs", "fuse_options.json", "favicon", "/templates/")
    assert [text for text in page.complaints if not any(part in text for part in allowed)] == []
    page.evaluate("""() => {
        for (const node of window.app.graph._nodes) for (const widget of node.widgets ?? []) {
            if (widget.name === "steps") widget.value = 4;
            if (widget.name === "width" || widget.name === "height") widget.value = 64;
        }
        window.seen = { progress: 0, previews: 0, outputs: [] };
        window.app.api.addEventListener("progress", () => window.seen.progress++);
        window.app.api.addEventListener("b_preview_with_metadata", () => window.seen.previews++);
        window.app.api.addEventListener("b_preview", () => window.seen.previews++);
        window.app.api.addEventListener("executed", (event) => window.seen.outputs.push(event.detail.output));
    }""")
    page.evaluate("window.app.queuePrompt(0)")
    page.wait_for_function("window.seen.outputs.length > 0", timeout=120_000)
    seen = page.evaluate("window.seen")
    assert seen["progress"] == 4 and seen["previews"] > 0
    picture = requests.get(f"{page.bridges.comfyui}/api/view", params=seen["outputs"][0]["images"][0], timeout=60)
    assert picture.headers["Content-Type"] == "image/png" and len(picture.content) > 1000
    folder = BUILD / "test-results"
    folder.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=str(folder / "comfyui-page.png"))


def test_wrong_value_is_told(page):
    page.evaluate("""() => { for (const node of window.app.graph._nodes) for (const widget of node.widgets ?? [])
        if (widget.name === "sampler_name") widget.value = "nonsense"; }""")
    page.evaluate("window.app.queuePrompt(0)")
    page.wait_for_function("Object.keys(window.app.lastNodeErrors ?? {}).length > 0", timeout=60_000)
    errors = page.evaluate("Object.values(window.app.lastNodeErrors).flatMap(node => node.errors.map(e => e.type))")
    assert errors == ["value_not_in_list"]


def test_plugin_nodes_are_known(page):
    assert page.evaluate("Object.keys(window.LiteGraph.registered_node_types).filter(n => n.startsWith('Patchbay_'))")


def test_side_panel_swaps_a_plugin(page, host, api):
    """The panel lists the builds; a click activates one, another takes it out again."""
    page.get_by_role("button", name="Plugins").first.click()
    row = page.locator(".patchbay-plugin", has_text="CFG++")
    row.get_by_text("Activate").click()
    page.locator(".patchbay-plugin", has_text="CFG++").get_by_text("Retire").wait_for(timeout=30_000)

    def active() -> set[str]:
        return {plugin.id for plugin in host.plugins.ListPlugins(api.ListPluginsRequest()).plugins
                if plugin.state == api.PLUGIN_STATE_ACTIVE}

    assert active() == {"cfgpp"}
    page.screenshot(path=str(BUILD / "test-results/comfyui-panel.png"))
    page.locator(".patchbay-plugin", has_text="CFG++").get_by_text("Retire").click()
    page.locator(".patchbay-plugin", has_text="CFG++").get_by_text("Activate").wait_for(timeout=30_000)
    assert active() == set()
