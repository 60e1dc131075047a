"""How a setting is declared, checked, and read back from JSON: what config.py is written in."""

from __future__ import annotations

import dataclasses
import types
import typing
from typing import Any, TypeVar

from astrojepa.wording import one_line

T = TypeVar("T")
MAX_NUMBER = 1e300


def setting(
    default: Any,
    help: str,
    flag: str | None = None,
    since: int = 1,
    within: tuple[float, float] | None = None,
    one_of: tuple[object, ...] = (),
    metavar: str = "COLUMN=VALUE",
) -> Any:
    """Declare a config field: default, one line of help, the flag if named differently, and the
    range or the choices of its value, or of each of a pair. `metavar` is what the flag of a list
    is followed by.

    `since` is the version of configs that has it first: a new field is 2, and is written only where
    it has not its default.
    """
    about = {"help": help, "flag": flag, "since": since, "within": within, "one_of": one_of}
    about["metavar"] = metavar
    return dataclasses.field(default=default, metadata=about)


def flag_of(item: dataclasses.Field[Any]) -> str:
    """Return the flag of a config field."""
    return item.metadata["flag"] or "--" + item.name.replace("_", "-")


class Settings:
    """A dataclass of settings, which checks the range and the choices of each."""

    def __post_init__(self) -> None:
        for item in dataclasses.fields(typing.cast(Any, self)):
            value = getattr(self, item.name)
            if choices := item.metadata.get("one_of"):
                one_of(item.name, value, choices)
            if limits := item.metadata.get("within"):
                low, high = limits
                for number in value if isinstance(value, tuple) else (value,):
                    within(item.name, number, low, high)
                    low = number  # a pair ascends


def within(name: str, value: float, low: float, high: float) -> None:
    """Raise ValueError unless low <= value <= high."""
    if not low <= value <= high:
        raise ValueError(f"`{name}` is {one_line(value, 60)}; it must lie in [{low:g}, {high:g}].")


def one_of(name: str, value: object, choices: tuple[object, ...]) -> None:
    """Raise ValueError unless the value is one of the choices."""
    if value not in choices:
        raise ValueError(
            f"`{name}` is {one_line(repr(value), 60)}; choose one of "
            f"{', '.join(map(str, choices))}."
        )


def from_dict(cls: type[T], values: Any, where: str) -> T:
    """Build a dataclass of settings; ValueError names unknown keys and wrong types."""
    if not isinstance(values, dict):
        raise ValueError(
            f"{where} must be an object with named settings, found {type(values).__name__}."
        )
    hints = typing.get_type_hints(cls)
    names = {item.name for item in dataclasses.fields(typing.cast(Any, cls))}
    if unknown := sorted(set(map(str, values)) - names):
        found = one_line(", ".join(unknown[:5]), 80)
        raise ValueError(
            one_line(
                f"{where} has unknown settings {found}; this version knows "
                f"{', '.join(sorted(names))}."
            )
        )
    return cls(
        **{name: _typed(hints[name], value, f"{where}.{name}") for name, value in values.items()}
    )


def _typed(hint: Any, value: Any, where: str) -> Any:
    """Check a value read from JSON against a field's type; lists become tuples."""
    if dataclasses.is_dataclass(hint):
        return from_dict(typing.cast(type, hint), value, where)
    origin = typing.get_origin(hint)
    if origin is tuple and isinstance(value, list | tuple):
        members = typing.get_args(hint)
        inner = members[0]
        if len(members) == 2 and members[1] is not Ellipsis and len(value) != 2:
            raise ValueError(f"{where} needs 2 values, found {len(value)}.")
        return tuple(_typed(inner, item, where) for item in value)
    accepted = (int, float) if hint is float else hint
    if (
        isinstance(value, bool) is not (hint is bool)
        or isinstance(accepted, types.GenericAlias)
        or not isinstance(value, accepted)
    ):
        raise ValueError(
            f"{where} must be {getattr(hint, '__name__', hint)}, found {one_line(repr(value), 60)}."
        )
    # a whole number in JSON may have thousands of digits
    if hint is float and abs(value) > MAX_NUMBER:
        raise ValueError(f"{where} is {one_line(value, 60)}, which is too large a number.")
    return float(value) if hint is float else value
