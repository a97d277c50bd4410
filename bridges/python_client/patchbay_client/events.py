"""A stream of a generation's events that can be waited for with a time limit."""

from __future__ import annotations

import queue
import threading

import grpc


class EventStream:
    """Reads a call's responses in a thread of its own, so that an interrupt is seen between two of them."""

    def __init__(self, call):
        self._call = call
        self._events: queue.SimpleQueue = queue.SimpleQueue()
        threading.Thread(target=self._read, name="patchbay-events", daemon=True).start()

    def _read(self) -> None:
        try:
            for response in self._call:
                self._events.put(response.event)
            self._events.put(_Ended())
        except grpc.RpcError as error:
            self._events.put(error)

    def next(self, seconds: float):
        """The next GenerationEvent, the RpcError that ended the stream, or None when neither came in time."""
        try:
            return self._events.get(timeout=seconds)
        except queue.Empty:
            return None

    def cancel(self) -> None:
        self._call.cancel()


class _Ended(grpc.RpcError):
    """The stream ended before the generation's last event: as if the connection had broken."""

    def code(self) -> grpc.StatusCode:
        return grpc.StatusCode.UNAVAILABLE

    def details(self) -> str:
        return "the stream ended early"

    def trailing_metadata(self) -> tuple:
        return ()
