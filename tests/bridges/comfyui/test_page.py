"""ComfyUI's page (comfyui-frontend-package), unmodified, in a headless browser, served by the bridge: the version that
./dev setup installs, and the newest.

Environment: PATCHBAY_CHROMIUM (the browser; default: the one on the path).
"""

from __future__ import annotations

import os
import shutil

import pytest
import requests
from bridges.comfyui.client import workflow
from bridges.conftest import BUILD, ROOT
from playwright import sync_api as playwright
from service.plugin_calls import SWAP, build_of, install

INSTALLED = ROOT / ".venv/share/patchbay"
PAGES = {"pinned": INSTALLED / "comfyui-frontend",
         "newest": INSTALLED / "newest-page/comfyui_frontend_package/static"}
BROWSER = os.environ.get("PATCHBAY_CHROMIUM") or shutil.which("chromium-headless-shell") or shutil.which("chromium")
RESULTS = BUILD / "test-results"
# What the page asks for and the real server has not got either; the browser logs each as an error. The last two are
# other programs' servers, which the tests cannot reach.
NOT_THERE = ("user.css", "comfy.templates.json", "dir=subgraphs", "fuse_options.json", "favicon", "/templates/")


@pytest.fixture(scope="module", params=PAGES)
def page_bridges(request, host, tmp_path_factory):
    from bridges.conftest import Bridges
    folder = PAGES[request.param]
    assert (folder / "index.html").exists(), f"{folder} is missing; ./dev test installs it"
    started = Bridges(tmp_path_factory.mktemp("page"), host.address, "--comfyui-frontend", folder)
    started.page_version = request.param
    yield started
    assert started.end() == 0


@pytest.fixture
def page(page_bridges):
    """The page after its start, and what went wrong meanwhile."""
    with playwright.sync_playwright() as tool:
        browser = tool.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        opened = browser.new_page(viewport={"width": 1600, "height": 1000})
        opened.bridges, opened.refused, opened.errors = page_bridges, [], []
        opened.on("response", lambda answer: opened.refused.append(f"{answer.status} {answer.url}")
                  if answer.status >= 400 and answer.url.startswith(page_bridges.comfyui) else None)
        opened.on("pageerror", lambda error: opened.errors.append(str(error)))
        opened.goto(page_bridges.comfyui)
        opened.wait_for_function("window.app?.graph?._nodes?.length > 0", timeout=120_000)
        yield opened
        assert opened.errors == []
        browser.close()


def load(page, graph: dict) -> None:
    page.evaluate("graph => window.app.loadApiJson(graph, 'test')", graph)
    page.wait_for_function("count => window.app.graph._nodes.length === count", arg=len(graph))


def run(page) -> dict:
    """Runs the graph that is open; what came of it, and the picture's bytes."""
    page.evaluate("""() => {
        window.seen = { progress: 0, previews: 0, outputs: [], failures: [] };
        const count = (name) => () => window.seen[name]++;
        const { api } = window.app;
        api.addEventListener("progress", count("progress"));
        api.addEventListener("b_preview_with_metadata", count("previews"));
        api.addEventListener("b_preview", count("previews"));
        api.addEventListener("executed", (event) => window.seen.outputs.push(event.detail.output));
        api.addEventListener("execution_error", (event) => window.seen.failures.push(event.detail.exception_message));
        window.app.queuePrompt(0);
    }""")
    page.wait_for_function("window.seen.outputs.length + window.seen.failures.length > 0", timeout=120_000)
    seen = page.evaluate("window.seen")
    assert seen["failures"] == []
    picture = requests.get(f"{page.bridges.comfyui}/api/view", params=seen["outputs"][0]["images"][0], timeout=60)
    assert picture.headers["Content-Type"] == "image/png"
    return {**seen, "picture": picture.content}


def screenshot(page, name: str) -> None:
    RESULTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=str(RESULTS / f"comfyui-{name}-{page.bridges.page_version}.png"))


def test_start(page):
    assert [text for text in page.refused if not any(part in text for part in NOT_THERE)] == []


def test_default_workflow_runs(page):
    """The first visit of the pinned page shows a workflow that runs as it is. The newest page's own one is for another
    family of models, so it is given ComfyUI's former one."""
    if page.bridges.page_version == "pinned":
        kinds = page.evaluate("window.app.graph._nodes.map(node => node.type).sort()")
        assert kinds == sorted(node["class_type"] for node in workflow().values())
    else:
        load(page, workflow())
    page.evaluate("""() => {
        for (const node of window.app.graph._nodes) for (const widget of node.widgets ?? []) {
            if (widget.name === "steps") widget.value = 4;
            if (widget.name === "width" || widget.name === "height") widget.value = 64;
        }
    }""")
    seen = run(page)
    assert seen["progress"] == 4 and seen["previews"] > 0 and len(seen["picture"]) > 1000
    screenshot(page, "page")


def test_wrong_value_is_told(page):
    load(page, workflow(sampler={"sampler_name": "nonsense"}))
    page.evaluate("window.app.queuePrompt(0)")
    page.wait_for_function("Object.keys(window.app.lastNodeErrors ?? {}).length > 0", timeout=60_000)
    errors = page.evaluate("Object.values(window.app.lastNodeErrors).flatMap(node => node.errors.map(e => e.type))")
    assert errors == ["value_not_in_list"]


def test_plugin_nodes_draw(page):
    """HiDiffusion and CFG++ between checkpoint and sampler, as nodes of the page."""
    load(page, workflow(latent={"width": 128, "height": 128}))
    plain = run(page)["picture"]
    graph = workflow(latent={"width": 128, "height": 128}, nodes={
        "20": {"class_type": "Patchbay_hidiffusion", "inputs": {"model": ["4", 0], "min_scale": 1.0}},
        "21": {"class_type": "Patchbay_cfgpp", "inputs": {"model": ["20", 0]}}})
    graph["3"]["inputs"]["model"] = ["21", 0]
    load(page, graph)
    widgets = page.evaluate("window.app.graph._nodes.find(node => node.type === 'Patchbay_cfgpp').widgets.map(w => w.name)")
    assert "scale" in widgets
    # Every number can be written as the page writes it; drawing them is put off until they are in view.
    page.evaluate("""() => { for (const node of window.app.graph._nodes) for (const widget of node.widgets ?? [])
        if (widget.type === "number") Number(widget.value).toFixed(widget.options.precision); }""")
    assert run(page)["picture"] != plain
    screenshot(page, "plugin-nodes")


def test_plugin_is_loaded_while_the_page_is_open(page, host, api):
    """A plugin that is installed meanwhile is found among the page's nodes and used, without a restart or a reload."""
    kinds = "window.LiteGraph.registered_node_types"
    name = "Patchbay_test-swap"
    builds = {plugin.build for plugin in host.plugins.ListPlugins(api.ListPluginsRequest()).plugins
              if plugin.id == "test-swap"}
    new = next(number for number in SWAP if build_of(SWAP[number]) not in builds)
    assert builds or not page.evaluate(f"'{name}' in {kinds}")
    install(host, api, SWAP[new])
    page.wait_for_function(f"'{name}' in {kinds}", timeout=30_000)
    page.evaluate("window.app.canvas.focus?.()")
    load(page, workflow())
    plain = run(page)["picture"]
    graph = workflow(nodes={"20": {"class_type": name, "inputs": {"model": ["4", 0]}}})
    graph["3"]["inputs"]["model"] = ["20", 0]
    load(page, graph)
    assert run(page)["picture"] != plain


def panel_button(page, plugin: str, label: str):
    return page.locator(".patchbay-plugin", has_text=plugin).first.get_by_role("button", name=label)


def test_side_panel(page, host, api):
    """The panel lists the builds; a click activates one, brings it forward, or takes it out again."""
    page.get_by_role("button", name="Plugins").first.click()

    def active() -> list[str]:
        plugins = [plugin for plugin in host.plugins.ListPlugins(api.ListPluginsRequest()).plugins if plugin.place > 0]
        return [plugin.id for plugin in sorted(plugins, key=lambda plugin: plugin.place)]

    for title in ("CFG++", "CFG rescale"):
        panel_button(page, title, "Activate").click()
        panel_button(page, title, "Retire").wait_for(timeout=30_000)
    assert active() == ["cfgpp", "cfg-rescale"]
    screenshot(page, "panel")
    panel_button(page, "CFG rescale", "Act earlier").click()
    panel_button(page, "CFG++", "Act earlier").wait_for(timeout=30_000)
    assert active() == ["cfg-rescale", "cfgpp"]
    for title in ("CFG++", "CFG rescale"):
        panel_button(page, title, "Retire").click()
        panel_button(page, title, "Activate").wait_for(timeout=30_000)
    assert active() == []
    host.plugins.OrderPlugins(api.OrderPluginsRequest())
