"""What tests do with the actions of a server's plugins."""

from __future__ import annotations

import json


def start_action(server, api, plugin: str, action: str, model: str = "", **settings: object):
    """The run. Bytes are uploaded, anything else is given as a text, None is left out."""
    values = {field: api.ParameterValue(artifact_id=server.upload(value).id) if isinstance(value, bytes)
              else api.ParameterValue(typed_value=str(value)) for field, value in settings.items() if value is not None}
    return server.plugins.StartPluginAction(api.StartPluginActionRequest(
        plugin_id=plugin, action_id=action, settings=values, model=model)).run


def watch(server, api, run: str) -> list:
    return [response.run for response in server.plugins.WatchPluginAction(api.WatchPluginActionRequest(run_id=run))]


def watch_once(server, api, run: str):
    call = server.plugins.WatchPluginAction(api.WatchPluginActionRequest(run_id=run))
    state = next(call).run
    call.cancel()
    return state


def results(server, run) -> dict[str, bytes]:
    return {result.name: server.download(result.artifact_id) for result in run.results}


def finished(server, api, run) -> dict[str, bytes]:
    """What the run has made."""
    last = watch(server, api, run.id)[-1]
    assert last.state == api.PLUGIN_ACTION_STATE_SUCCEEDED, last.error
    return results(server, last)


def metadata_in(file: bytes) -> dict[str, str]:
    """That of a safetensors file."""
    return json.loads(file[8:8 + int.from_bytes(file[:8], "little")])["__metadata__"]
