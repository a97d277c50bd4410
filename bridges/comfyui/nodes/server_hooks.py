"""Keeps a running ComfyUI's list of nodes that of the host's plugins, without a restart.

ComfyUI has no call for that, so a middleware looks at the plugins whenever somebody asks for the nodes or queues a
graph, and a task looks at them every few seconds while a page is open and tells the page.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging

from .connection import connection
from .plugin_nodes import PluginNodes

_WATCH_SECONDS = 3.0
EVENT = "patchbay_plugins"


def install(plugin_nodes: PluginNodes) -> None:
    """Does nothing outside ComfyUI's server."""
    error = connection().catalogue.error
    if error is not None:
        logging.warning("Patchbay: %s The nodes of its plugins appear once it answers.", error)
    try:
        import nodes
        from aiohttp import web
        from server import PromptServer
        server = PromptServer.instance
    except (ImportError, AttributeError):
        return

    async def relist() -> bool:
        await asyncio.get_running_loop().run_in_executor(None, connection().catalogue.refresh)
        return _publish(plugin_nodes, nodes)

    @web.middleware
    async def list_plugins_first(request: web.Request, handler):
        if request.path.removeprefix("/api").strip("/").split("/")[0] in ("object_info", "prompt"):
            await relist()
        return await handler(request)

    async def watch() -> None:
        while True:
            await asyncio.sleep(_WATCH_SECONDS)
            if server.sockets and await relist():
                server.send_sync(EVENT, {"plugins": sorted(plugin_nodes.titles.values())})

    async def run_watch(_: web.Application):
        task = asyncio.create_task(watch())
        yield
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    server.app.middlewares.append(list_plugins_first)
    server.app.cleanup_ctx.append(run_watch)


def _publish(plugin_nodes: PluginNodes, nodes) -> bool:
    """Runs on the server's thread, which alone reads the lists; returns whether something has changed."""
    before = dict(plugin_nodes.classes)
    changed = plugin_nodes.update()
    for name in before.keys() - plugin_nodes.classes.keys():
        nodes.NODE_CLASS_MAPPINGS.pop(name, None)
        nodes.NODE_DISPLAY_NAME_MAPPINGS.pop(name, None)
    for name, node_class in plugin_nodes.classes.items():
        node_class.RELATIVE_PYTHON_MODULE = "custom_nodes.patchbay"
        nodes.NODE_CLASS_MAPPINGS[name] = node_class
        nodes.NODE_DISPLAY_NAME_MAPPINGS[name] = plugin_nodes.titles[name]
    return changed
