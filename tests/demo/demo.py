"""Starts the server, draws with and without each plugin, and swaps a plugin while a picture is being drawn.

Everything goes over gRPC, as it would from another program. The pictures and a page that shows them
side by side (index.html) go to out/demo/. Needs nothing but Python's standard library.
"""

from __future__ import annotations

import html
import json
import pathlib
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
OUT = ROOT / "out/demo"
STYLE = "noto style, on a blue background"
# What is drawn twice: title, prompt, options, plugin.
PAIRS = [
    ("HiDiffusion, at twice the model's size", f"a red apple, {STYLE}", ["--size", "256x256", "--guidance", "4"],
     "hidiffusion"),
    ("Deep Shrink, at twice the model's size", f"a panda, {STYLE}", ["--size", "256x256", "--guidance", "4"],
     "deep-shrink"),
    ("CFG++ beside a guidance scale of 14", f"a penguin, {STYLE}", ["--guidance", "14"], "cfgpp:scale=0.6"),
    ("CFG rescale, at a guidance scale of 14", f"a trophy, {STYLE}", ["--guidance", "14"], "cfg-rescale:factor=0.7"),
    ("Perturbed-attention guidance, alone", f"a trophy, {STYLE}", ["--guidance", "1"], "pag:scale=1,layers=up_blocks"),
]


class Server:
    """`patchbay serve`, with its data in out/demo."""

    def __init__(self, build: pathlib.Path):
        self.program = build / "bin/patchbay"
        self.process = subprocess.Popen([self.program, "serve", "--grpc", "127.0.0.1:0", "--data", OUT / "data",
                                         *self.without_bridges()], stdout=subprocess.PIPE, text=True)
        self.address = ""
        for line in self.process.stdout:
            if line.startswith("serving at "):
                self.address = line.removeprefix("serving at ").strip()
                break
        if not self.address:
            raise SystemExit("the server did not start: see its message above")

    def without_bridges(self) -> list[str]:
        """The demonstration needs no ports that a browser would open."""
        told = subprocess.run([self.program, "serve", "--help"], capture_output=True, text=True, check=True).stdout
        return [word for bridge in ("--webui", "--comfyui") if bridge in told for word in (bridge, "off")]

    def start(self, *arguments: object) -> subprocess.Popen:
        command = [self.program, "--host", self.address, *arguments]
        return subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def finish(self, process: subprocess.Popen) -> str:
        output, errors = process.communicate()
        if process.returncode != 0:
            raise SystemExit(errors)
        return output

    def call(self, *arguments: object) -> str:
        return self.finish(self.start(*arguments))

    def draw(self, name: str, prompt: str, *arguments: object) -> dict:
        return json.loads(self.call("generate", prompt, "--seed", 3, "--json", "-o", OUT / f"{name}.png", *arguments))

    def end(self) -> None:
        self.process.terminate()
        self.process.wait()


def step_time(report: dict) -> float:
    return sum(report["step_seconds"]) / len(report["step_seconds"])


def show(row: dict) -> dict:
    print(f"{row['title']:44} {1000 * row['before']:6.0f} ms a step without, {1000 * row['after']:6.0f} ms with")
    return row


def compare(server: Server) -> list[dict]:
    rows = []
    for number, (title, prompt, options, plugin) in enumerate(PAIRS, 1):
        name = f"{number}-{plugin.split(':')[0]}"
        without = server.draw(f"{name}-without", prompt, *options)
        with_it = server.draw(f"{name}-with", prompt, *options, "--plugin", plugin)
        rows.append(show({"title": title, "name": name, "before": step_time(without), "after": step_time(with_it),
                          "plugins": with_it["plugins"]}))
    return rows


def go_on_from(server: Server, picture: pathlib.Path) -> list[dict]:
    """What plugins make of a picture that was drawn before: more of it, and another one of the same thing."""
    adapter = ROOT / "models/default-adapter/moma.safetensors"
    rows = []
    for title, name, prompt, options, plugin in [
            ("The outpainter, on a wider canvas", "6-outpainter", f"a red apple, {STYLE}",
             ["--size", "224x128", "--guidance", "2"], f"outpainter:picture={picture},feathering=6"),
            ("MoMA: the thing of another picture", "7-moma", "a thing on a yellow background", ["--guidance", "4"],
             f"moma:image={picture},subject=thing,adapter={adapter}")]:
        without = server.draw(f"{name}-without", prompt, *options)
        with_it = server.draw(f"{name}-with", prompt, *options, "--plugin", plugin)
        rows.append(show({"title": title, "name": name, "before": step_time(without), "after": step_time(with_it),
                          "plugins": with_it["plugins"]}))
    return rows


class EditedPlugin:
    """A plugin of one's own, made from the template and changed while the server runs."""

    def __init__(self, build: pathlib.Path, server: Server):
        self.server = server
        self.folder = OUT / "further"
        subprocess.run(["cmake", "--install", build, "--component", "sdk", "--prefix", OUT / "sdk"], check=True,
                       stdout=subprocess.DEVNULL)
        subprocess.run([server.program, "plugin", "new", "further", "--tier", "c", "-o", self.folder], check=True,
                       stdout=subprocess.DEVNULL)
        subprocess.run(["cmake", "-S", self.folder, "-B", self.folder / "build",
                        f"-DPatchbay_DIR={OUT / 'sdk/lib/cmake/Patchbay'}"], check=True, stdout=subprocess.DEVNULL)

    def swap_in(self) -> float:
        """Builds, installs and activates what the source says now; returns the seconds that it took."""
        started = time.monotonic()
        subprocess.run(["cmake", "--build", self.folder / "build"], check=True, stdout=subprocess.DEVNULL)
        self.server.call("plugin", "install", self.folder / "build/plugins/further")
        self.server.call("plugin", "activate", "further")
        return time.monotonic() - started

    def edit(self, old: str, new: str) -> None:
        source = self.folder / "src/further.c"
        source.write_text(source.read_text().replace(old, new))


def swap_while_drawing(server: Server, build: pathlib.Path) -> list[dict]:
    plugin = EditedPlugin(build, server)
    plugin.swap_in()
    prompt = f"a strawberry, {STYLE}"
    options = ["--seed", 3, "--guidance", 4, "--steps", 150, "--json"]
    running = server.start("generate", prompt, *options, "-o", OUT / "8-before-the-swap.png")
    time.sleep(0.5)
    plugin.edit("strength = 0.1", "strength = 0.9")
    plugin.edit('.default_text = "0.1"', '.default_text = "0.9"')
    seconds = plugin.swap_in()
    still_drawing = running.poll() is None
    first = json.loads(server.finish(running))
    second = json.loads(server.call("generate", prompt, *options, "-o", OUT / "8-after-the-swap.png"))
    print(f"\nA plugin's source was changed while a picture was being drawn. The new build was in place after {seconds:.1f} s"
          f"{'' if still_drawing else ', when the picture was done already'}.")
    print(f"  that picture, to its end:  {first['plugins']}")
    print(f"  the next picture:          {second['plugins']}")
    server.call("plugin", "retire", "further")
    return [{"title": "Before the swap, and after it", "name": "8", "plugins": second["plugins"]}]


def write_page(rows: list[dict], swap: list[dict]) -> pathlib.Path:
    def figure(file: str) -> str:
        return f'<figure><img src="{file}.png" width="256"><figcaption>{html.escape(file)}</figcaption></figure>'

    parts = [f"<h2>{html.escape(row['title'])}</h2><p>{html.escape(row['plugins'])}</p><div>"
             + figure(f"{row['name']}-without") + figure(f"{row['name']}-with") + "</div>" for row in rows]
    parts += [f"<h2>{html.escape(row['title'])}</h2><p>{html.escape(row['plugins'])}</p><div>"
              + figure("8-before-the-swap") + figure("8-after-the-swap") + "</div>" for row in swap]
    page = OUT / "index.html"
    page.write_text('<!doctype html><meta charset="utf-8"><title>Patchbay</title><style>body{font-family:sans-serif;'
                    "margin:2em}div{display:flex}img{image-rendering:pixelated}p{font-size:small}</style>"
                    "<h1>Without and with</h1>" + "".join(parts))
    return page


def main() -> None:
    build = pathlib.Path(sys.argv[1]).resolve()
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    server = Server(build)
    print(f"The server is at {server.address}. Its plugins:\n\n{server.call('plugin', 'list')}")
    try:
        rows = compare(server)
        server.draw("apple", f"a red apple, {STYLE}", "--guidance", "4")
        rows += go_on_from(server, OUT / "apple.png")
        swap = swap_while_drawing(server, build)
    finally:
        server.end()
    print(f"\nAll pictures side by side: {write_page(rows, swap)}")


if __name__ == "__main__":
    main()
