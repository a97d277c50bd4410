"""The description of A1111's API: complete, and true of whatever requests its schemas allow and forbid."""

from __future__ import annotations

import re

import requests
import schemathesis
from bridges.conftest import ROOT
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (content_type_conformance, response_schema_conformance,
                                               status_code_conformance)

# Drawing at a size that schemas allow would take minutes.
SMALL = {"width": 64, "height": 64, "steps": 1, "batch_size": 1, "n_iter": 1, "hr_resize_x": 64, "hr_resize_y": 64,
         "hr_scale": 1.5, "hr_second_pass_steps": 1, "upscaling_resize": 1.5, "upscaling_resize_w": 32, "upscaling_resize_h": 32}
CHECKS = [not_a_server_error, content_type_conformance, response_schema_conformance, status_code_conformance]
# Answers that A1111 gives as well: 500 to a model that it has not got; 501 stands for a model that is not here.
ALLOWED = {"/sdapi/v1/options": {500}, "/sdapi/v1/interrogate": {501}}


schema = schemathesis.openapi.from_path(ROOT / "bridges/webui/openapi.json")


def made_small(body: dict) -> dict:
    """Sizes and counts that would be drawn become small; what would be refused stays as it is."""
    defaults = ("width", "height", "steps")
    return {**body, **{name: small for name, small in SMALL.items()
                       if (name in body or name in defaults) and is_drawn(body.get(name))}}


def is_drawn(value: object) -> bool:
    return value is None or (isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0)


@schema.parametrize()
@settings(max_examples=15, deadline=None, derandomize=True, database=None,
          suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow, HealthCheck.data_too_large])
def test_answers_are_as_described(case, bridges):
    if isinstance(case.body, dict):
        case.body = made_small(case.body)
    response = case.call(base_url=bridges.webui, timeout=120)
    if response.status_code in ALLOWED.get(case.operation.path, set()):
        return
    case.validate_response(response, checks=CHECKS)


def test_is_served_and_names_every_route(bridges):
    """Every path that the sources add is described."""
    described = set(requests.get(f"{bridges.webui}/openapi.json", timeout=60).json()["paths"])
    sources = "\n".join(path.read_text() for path in (ROOT / "bridges/webui").glob("*routes.cc"))
    added = set(re.findall(r'"((?:/sdapi/v1|/internal|/controlnet)/[\w/-]*[\w])"', sources))
    added |= {f"/sdapi/v1/{name}" for name in re.findall(r'get\("([\w-]+)"', sources)}
    assert len(added) > 30 and added <= described
