"""Runs nodes the way ComfyUI calls them, written from its documented conventions.

A graph is what /prompt takes: {id: {"class_type": ..., "inputs": {name: value or [id, slot]}}}.
"""

from __future__ import annotations

import importlib.util
import inspect
import pathlib
import sys
import types

Graph = dict[str, dict]


def load_package(folder: pathlib.Path, name: str) -> types.ModuleType:
    """Imports a folder of custom nodes as ComfyUI does: by path, under a name that is no identifier."""
    spec = importlib.util.spec_from_file_location(name, folder / "__init__.py", submodule_search_locations=[str(folder)])
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


class Refused(Exception):
    """The graph is not valid; `problems` are (node, text)."""

    def __init__(self, problems: list[tuple[str, str]]):
        super().__init__(problems)
        self.problems = problems


def _is_link(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and isinstance(value[0], str) and isinstance(value[1], int)


class Runner:
    """Validates and runs graphs, and keeps results while nothing they depend on changes."""

    def __init__(self, classes: dict[str, type]):
        self.classes = classes
        self.executed: list[str] = []
        self._kept: dict[str, tuple[object, list]] = {}

    def run(self, graph: Graph, extra_pnginfo: dict | None = None) -> dict[str, list]:
        """Every node's outputs, each output a list of values; "ui" of output nodes stands under (id, "ui")."""
        problems = [(node, problem) for node in graph for problem in self._problems(graph, node)]
        if problems:
            raise Refused(problems)
        self.executed, results, signatures = [], {}, {}
        for node in self._order(graph):
            signatures[node] = self._signature(graph[node], signatures)
            if node in self._kept and self._kept[node][0] == signatures[node]:
                results[node] = self._kept[node][1]
            else:
                results[node] = self._execute(graph, node, results, extra_pnginfo)
                self.executed.append(node)
                self._kept[node] = signatures[node], results[node]
        return results

    def _declared(self, node: dict) -> dict[str, tuple]:
        inputs = self.classes[node["class_type"]].INPUT_TYPES()
        return {**inputs.get("required", {}), **inputs.get("optional", {})}

    def _problems(self, graph: Graph, identifier: str):
        node = graph[identifier]
        if node["class_type"] not in self.classes:
            yield f"missing_node_type {node['class_type']}"
            return
        node_class = self.classes[node["class_type"]]
        for name in node_class.INPUT_TYPES().get("required", {}):
            if name not in node["inputs"]:
                yield f"required_input_missing {name}"
        validate = getattr(node_class, "VALIDATE_INPUTS", None)
        checked_by_node = set(inspect.signature(validate).parameters) if validate else set()
        for name, declared in self._declared(node).items():
            if name not in node["inputs"]:
                continue
            value, kind = node["inputs"][name], declared[0]
            options = declared[1] if len(declared) > 1 else {}
            if _is_link(value):
                source = self.classes[graph[value[0]]["class_type"]]
                if source.RETURN_TYPES[value[1]] != kind:
                    yield f"return_type_mismatch {name}"
            elif name in checked_by_node:
                continue
            elif isinstance(kind, list) and value not in kind:
                yield f"value_not_in_list {name}: {value}"
            elif kind in ("INT", "FLOAT") and not options.get("min", value) <= value <= options.get("max", value):
                yield f"value out of range {name}: {value}"
        if validate:
            answer = validate(**{name: None if _is_link(value) else value for name, value in node["inputs"].items()
                                 if name in checked_by_node})
            if answer is not True:
                yield f"custom_validation_failed: {answer}"

    def _order(self, graph: Graph) -> list[str]:
        order: list[str] = []

        def visit(identifier: str) -> None:
            if identifier in order:
                return
            for value in graph[identifier]["inputs"].values():
                if _is_link(value):
                    visit(value[0])
            order.append(identifier)

        for identifier in graph:
            visit(identifier)
        return order

    def _signature(self, node: dict, signatures: dict[str, object]) -> object:
        node_class = self.classes[node["class_type"]]
        is_changed = getattr(node_class, "IS_CHANGED", None)
        constants = {name: None if _is_link(value) else value for name, value in node["inputs"].items()}
        changed = is_changed(**constants) if is_changed else None
        return (node["class_type"], changed, tuple(sorted(
            (name, (signatures[value[0]], value[1]) if _is_link(value) else repr(value))
            for name, value in node["inputs"].items())))

    def _execute(self, graph: Graph, identifier: str, results: dict, extra_pnginfo: dict | None) -> list:
        node = graph[identifier]
        node_class = self.classes[node["class_type"]]
        declared = self._declared(node)
        inputs = {name: results[value[0]][value[1]] if _is_link(value) else [value]
                  for name, value in node["inputs"].items() if name in declared}
        hidden = {"PROMPT": graph, "EXTRA_PNGINFO": extra_pnginfo, "UNIQUE_ID": identifier}
        for name, kind in node_class.INPUT_TYPES().get("hidden", {}).items():
            inputs[name] = [hidden[kind]]
        function = getattr(node_class(), node_class.FUNCTION)
        if getattr(node_class, "INPUT_IS_LIST", False):
            answers = [function(**inputs)]
        else:
            count = max((len(values) for values in inputs.values()), default=1)
            answers = [function(**{name: values[min(number, len(values) - 1)] for name, values in inputs.items()})
                       for number in range(count)]
        if isinstance(answers[0], dict):
            results[identifier, "ui"] = answers[0]["ui"]
            answers = [answer.get("result", ()) for answer in answers]
        lists = getattr(node_class, "OUTPUT_IS_LIST", (False,) * len(node_class.RETURN_TYPES))
        outputs = []
        for slot, is_list in enumerate(lists):
            values = [answer[slot] for answer in answers]
            outputs.append([value for part in values for value in part] if is_list else values)
        return outputs
