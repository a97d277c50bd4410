"""Wrong graphs: status, types and shapes of the errors."""

from __future__ import annotations

import pytest
import requests
from bridges.comfyui.client import workflow


def post(bridges, graph: object) -> requests.Response:
    return requests.post(f"{bridges.comfyui}/prompt", json={"prompt": graph}, timeout=60)


def errors_of(answer: requests.Response, node: str) -> list[dict]:
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["type"] == "prompt_outputs_failed_validation"
    entry = answer.json()["node_errors"][node]
    assert entry["dependent_outputs"] == ["9"]
    return entry["errors"]


@pytest.mark.parametrize("change, kind, extra", [
    ({"steps": 0}, "value_smaller_than_min", {"input_name": "steps", "received_value": 0}),
    ({"cfg": 101}, "value_bigger_than_max", {"input_name": "cfg", "received_value": 101.0}),
    ({"sampler_name": "nonsense"}, "value_not_in_list", {"input_name": "sampler_name"}),
    ({"steps": "many"}, "invalid_input_type", {"input_name": "steps", "received_value": "many"}),
    ({"model": ["4"]}, "bad_linked_input", {"input_name": "model", "received_value": ["4"]}),
    ({"model": ["5", 0]}, "return_type_mismatch", {"input_name": "model", "received_type": "LATENT",
                                                   "linked_node": ["5", 0]}),
    ({"model": ["77", 0]}, "exception_during_validation", {"exception_type": "ValueError"}),
    ({"model": ["4", 9]}, "exception_during_validation", {"exception_type": "ValueError"}),
    ({"model": ["3", 0]}, "return_type_mismatch", {"input_name": "model"}),
    ({"latent_image": ["3", 0]}, "exception_during_validation", {"exception_type": "ValueError"}),
])
def test_input_errors(bridges, change, kind, extra):
    error = errors_of(post(bridges, workflow(sampler=change)), "3")[0]
    assert error["type"] == kind and error["message"] and set(error) == {"type", "message", "details", "extra_info"}
    for name, value in extra.items():
        assert error["extra_info"][name] == value


def test_missing_input(bridges):
    graph = workflow()
    del graph["3"]["inputs"]["seed"]
    assert errors_of(post(bridges, graph), "3") == [{"type": "required_input_missing",
                                                    "message": "Required input is missing", "details": "seed",
                                                    "extra_info": {"input_name": "seed"}}]


def test_all_errors_of_a_node_are_told(bridges):
    kinds = [error["type"] for error in errors_of(post(bridges, workflow(sampler={"steps": 0, "denoise": 2})), "3")]
    assert kinds == ["value_smaller_than_min", "value_bigger_than_max"]


def test_exact_texts(bridges):
    error = errors_of(post(bridges, workflow(sampler={"steps": 0})), "3")[0]
    assert error["message"] == "Value 0 smaller than min of 1" and error["details"] == "steps"
    assert error["extra_info"]["input_config"][0] == "INT"
    error = errors_of(post(bridges, workflow(sampler={"scheduler": "x"})), "3")[0]
    assert error["details"].startswith("scheduler: 'x' not in [")


@pytest.mark.parametrize("graph, kind", [
    ({}, "prompt_no_outputs"),
    ({"1": "text"}, "invalid_prompt"),
    ({"1": {"inputs": {}}}, "invalid_prompt"),
    ([], "invalid_prompt"),
    ({"1": {"class_type": "Unknown", "inputs": {}, "_meta": {"title": "T"}}}, "missing_node_type"),
    ({"1": {"class_type": "EmptyLatentImage", "inputs": {"width": 64, "height": 64, "batch_size": 1}}},
     "prompt_no_outputs"),
    ({"1": {"class_type": "SaveImage"}}, "prompt_outputs_failed_validation"),
])
def test_whole_prompt_errors(bridges, graph, kind):
    answer = post(bridges, graph)
    assert answer.status_code == 400 and answer.json()["error"]["type"] == kind


def test_unknown_class_is_named(bridges):
    graph = workflow()
    graph["8"]["class_type"] = "Unknown"
    error = post(bridges, graph).json()["error"]
    assert error["details"] == "Node ID '#8'" and "Unknown" in error["message"]
    assert error["extra_info"]["node_id"] == "8"


def test_no_prompt_and_no_json(bridges):
    assert requests.post(f"{bridges.comfyui}/prompt", json={}, timeout=60).json()["error"]["type"] == "no_prompt"
    assert requests.post(f"{bridges.comfyui}/prompt", data="{", timeout=60).status_code == 400


def test_partial_success(bridges):
    graph = workflow(nodes={"19": {"class_type": "PreviewImage", "inputs": {"images": ["99", 0]}}})
    answer = post(bridges, graph)
    assert answer.status_code == 200 and list(answer.json()["node_errors"]) == ["19"]


def test_unknown_picture(bridges):
    graph = {"1": {"class_type": "LoadImage", "inputs": {"image": "none.png"}},
             "9": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}}}
    error = errors_of(post(bridges, graph), "1")[0]
    assert error["type"] == "custom_validation_failed" and error["extra_info"]["input_name"] == "image"
    assert "Invalid image file: none.png" in error["details"]


def test_numbers_are_converted(bridges):
    assert post(bridges, workflow(sampler={"steps": "2", "cfg": 8, "seed": 4.0})).status_code == 200
