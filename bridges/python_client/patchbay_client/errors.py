"""What can go wrong, as sentences for the user of a UI."""

from __future__ import annotations

import grpc

from .messages import api

_INFO = "type.googleapis.com/google.rpc.ErrorInfo"
_RETRY = "type.googleapis.com/google.rpc.RetryInfo"
_MISSING = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED}


class HostError(Exception):
    """The host refused, failed, or does not answer. The text is for the user.

    `reason` is the host's own word for it, such as QUEUE_FULL (see proto/patchbay/v1/error.proto), UNREACHABLE when
    there was no answer, else empty. `retry_seconds` is present when the same call may succeed later.
    """

    def __init__(self, text: str, reason: str = "", retry_seconds: float | None = None):
        super().__init__(text)
        self.reason, self.retry_seconds = reason, retry_seconds


class FieldError(ValueError):
    """A plugin's setting has a value that it cannot take."""


class Interrupted(Exception):
    """The user ended the generation."""


def _details(status) -> tuple[str, float | None]:
    reason, delay = "", None
    for detail in status.details:
        if detail.type_url == _INFO:
            reason = api.ErrorInfo.FromString(detail.value).reason
        elif detail.type_url == _RETRY:
            wait = api.RetryInfo.FromString(detail.value).retry_delay
            delay = wait.seconds + wait.nanos / 1e9
    return reason, delay


def error_of_status(status, address: str) -> HostError:
    """Out of an ErrorStatus, such as a failed generation's."""
    reason, delay = _details(status)
    if status.code == grpc.StatusCode.RESOURCE_EXHAUSTED.value[0] and delay is not None:
        return HostError(f"The Patchbay host at {address} is busy: {status.message.rstrip('.')}. "
                         f"Try again in {max(1, round(delay))} s.", reason, delay)
    return HostError(f"Patchbay: {status.message}", reason, delay)


def unreachable(address: str, detail: str = "") -> HostError:
    # gRPC's own account ends with the cause, such as "Connection refused".
    cause = detail.rsplit(": ", 1)[-1].strip()
    return HostError(f"No Patchbay host answers at {address}. Start it with `patchbay serve`, or set the address of "
                     f"one that runs.{f' ({cause})' if cause else ''}", "UNREACHABLE")


def is_unreachable(error: grpc.RpcError) -> bool:
    """Whether there was no answer of a Patchbay host at all."""
    return error.code() in _MISSING and _status_of(error) is None


def _status_of(error: grpc.RpcError):
    for name, value in error.trailing_metadata() or ():
        if name == "grpc-status-details-bin":
            return api.ErrorStatus.FromString(value)
    return None


def error_of_call(error: grpc.RpcError, address: str) -> HostError:
    """Out of a failed call."""
    status = _status_of(error)
    if status is not None:
        return error_of_status(status, address)
    if error.code() is grpc.StatusCode.UNIMPLEMENTED:
        return HostError(f"The host at {address} does not know this call; it is another program, or another version "
                         f"of Patchbay. ({error.details()})", "UNIMPLEMENTED")
    if error.code() in _MISSING:
        return unreachable(address, error.details() or "")
    return HostError(f"The call to the Patchbay host at {address} failed: {error.code().name}: {error.details()}")
