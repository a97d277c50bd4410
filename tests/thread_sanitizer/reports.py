"""What of ThreadSanitizer's reports is about this project's code."""

from __future__ import annotations

import re

# Frames that say nothing of who acts: the C++ library and the sanitizer itself.
TRANSPARENT = re.compile(r"/usr/include/c\+\+|libsanitizer|libtsan|libstdc\+\+")
# Built without the sanitizer, which therefore does not see what orders their accesses; with their headers,
# and the code that protobuf's compiler writes.
FOREIGN = re.compile(r"/usr/include/|\.pb\.(cc|h):|\((/\S*/)?lib(grpc|gpr|absl|protobuf|upb|address_sorting|torch|c10)")
# gRPC fills and empties a message between StartRead() and OnReadDone(), an order that is not seen either.
FILLS_A_MESSAGE = "grpc::SerializationTraits<"


def actor(access: str) -> str:
    """The frame that makes an access: the first that is not transparent."""
    frames = re.findall(r"#\d+ (.*)", access)
    return next((frame for frame in frames if not TRANSPARENT.search(frame)), "")


def is_own(report: str) -> bool:
    """Whether one of the two accesses is this project's own; other kinds of reports always count."""
    if "data race" not in report:
        return True
    accesses = report.split("\n\n")[:2]
    if any(FILLS_A_MESSAGE in access for access in accesses):
        return False
    return any(actor(access) and not FOREIGN.search(actor(access)) for access in accesses)


def own_reports(text: str) -> list[str]:
    return [part for part in text.split("==================\n")
            if "WARNING: ThreadSanitizer" in part and is_own(part)]
