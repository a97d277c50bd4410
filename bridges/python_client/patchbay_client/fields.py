"""A plugin's parameters as fields that a UI can show, and their values as requests want them."""

from __future__ import annotations

from dataclasses import dataclass

from .errors import FieldError
from .messages import api

_KINDS = {
    "PARAMETER_TYPE_BOOL": "bool", "PARAMETER_TYPE_INT": "int", "PARAMETER_TYPE_DOUBLE": "float",
    "PARAMETER_TYPE_STRING": "text", "PARAMETER_TYPE_FILE": "text", "PARAMETER_TYPE_CHOICE": "choice",
    "PARAMETER_TYPE_INT_LIST": "list", "PARAMETER_TYPE_DOUBLE_LIST": "list", "PARAMETER_TYPE_PICTURE": "picture",
}
_KIND_OF = {getattr(api, name): kind for name, kind in _KINDS.items()}


@dataclass(frozen=True)
class Field:
    """One parameter. `kind` is bool, int, float, text, choice, list (its values with '/' between them) or picture.

    Numbers that the schema leaves out are None; those of slider ends fall back on the accepted range.
    """

    id: str
    kind: str
    label: str
    help: str
    default: bool | int | float | str | None
    minimum: float | None
    maximum: float | None
    slider: tuple[float, float] | None
    step: float | None
    choices: tuple[tuple[str, str], ...]
    group: str
    advanced: bool
    multiline: bool
    frames: bool = False  # of a picture: it may be a clip

    def value(self, given: object):
        """The ParameterValue for what a UI holds; a picture is given as the id of its artifact."""
        value = api.ParameterValue()
        if self.kind == "bool":
            if not isinstance(given, (bool, int)) or given not in (0, 1):
                raise self._misfit("on or off", given)
            value.bool_value = bool(given)
        elif self.kind == "int":
            if isinstance(given, bool) or not isinstance(given, (int, float)) or not float(given).is_integer():
                raise self._misfit("a whole number", given)
            value.int_value = int(given)
        elif self.kind == "float":
            if isinstance(given, bool) or not isinstance(given, (int, float)):
                raise self._misfit("a number", given)
            value.double_value = float(given)
        elif self.kind == "list":
            value.typed_value = "/".join(map(str, given)) if isinstance(given, (list, tuple)) else str(given)
        elif not isinstance(given, str):
            raise self._misfit("a text", given)
        elif self.kind == "picture":
            value.artifact_id = given
        else:
            value.string_value = self._choice_id(given) if self.kind == "choice" else given
        return value

    def _choice_id(self, given: str) -> str:
        for identifier, label in self.choices:
            if given in (identifier, label):
                return identifier
        raise self._misfit("one of " + ", ".join(identifier for identifier, _ in self.choices), given)

    def _misfit(self, wanted: str, given: object) -> FieldError:
        return FieldError(f'"{self.label}" ({self.id}) takes {wanted}, not {given!r:.80}')


def plain_value(value) -> bool | int | float | str | None:
    """What a UI shows for a ParameterValue."""
    kind = value.WhichOneof("kind")
    if kind is None:
        return None
    if kind == "list_value":
        return "/".join(_typed(plain_value(item)) for item in value.list_value.values)
    return getattr(value, kind)


def _typed(value: object) -> str:
    return repr(value) if isinstance(value, float) else str(value)


def fields_of(parameters) -> tuple[Field, ...]:
    """The fields of a schema in the order of their numbers, to which later versions only append."""
    return tuple(_field(parameter) for parameter in sorted(parameters, key=lambda parameter: parameter.number))


def _field(parameter) -> Field:
    def number(name: str) -> float | None:
        return getattr(parameter, name) if parameter.HasField(name) else None

    low = number("soft_minimum") if parameter.HasField("soft_minimum") else number("minimum")
    high = number("soft_maximum") if parameter.HasField("soft_maximum") else number("maximum")
    return Field(
        id=parameter.id, kind=_KIND_OF.get(parameter.type, "text"), label=parameter.label or parameter.id,
        help=parameter.help, default=plain_value(parameter.default_value), minimum=number("minimum"),
        maximum=number("maximum"), slider=None if low is None or high is None or low >= high else (low, high),
        step=number("step"), choices=tuple((choice.id, choice.label or choice.id) for choice in parameter.choices),
        group=parameter.group, advanced=parameter.advanced or parameter.deprecated, multiline=parameter.multiline,
        frames=parameter.frames)
