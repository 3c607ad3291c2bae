"""Groups of options: a command takes a frozen dataclass, and typer sees an option for each of its fields."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from functools import wraps
from typing import Annotated, Any, get_args, get_origin, get_type_hints


class Without:
    """Stands in an annotation, `Annotated[RowOptions, Without("row_ids")]`: the command lacks these options.

    Args:
        names: of fields; they keep their defaults.
    """

    def __init__(self, *names: str) -> None:
        self.names = frozenset(names)


def grouped(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command an option for each field of the groups that it takes, in the place and order of the fields.

    A group is a parameter whose annotation is a dataclass; its fields are annotated as typer's parameters are,
    `Annotated[str, typer.Option(…)]`, and have defaults. Called with the options, the command gets the groups.
    """
    parameters = inspect.signature(command, eval_str=True).parameters.values()
    groups = [_Group.of(parameter) for parameter in parameters if _is_group(parameter)]
    members = {group.name: group.options for group in groups}
    options = [option for parameter in parameters for option in members.get(parameter.name, (parameter,))]

    @wraps(command)
    def with_groups(**given: Any) -> None:
        command(**{group.name: group.take(given) for group in groups}, **given)

    # typer reads both
    with_groups.__signature__ = inspect.Signature(options)  # type: ignore[attr-defined]  # of functions, too (PEP 362)
    with_groups.__annotations__ = {option.name: option.annotation for option in options}
    return with_groups


@dataclass(frozen=True)
class _Group:
    """A parameter of a command that is a dataclass, and the options that stand for it."""

    name: str
    kind: type
    options: tuple[inspect.Parameter, ...]

    @classmethod
    def of(cls, parameter: inspect.Parameter) -> _Group:
        kind, *marks = _parts(parameter.annotation)
        without = {name for mark in marks if isinstance(mark, Without) for name in mark.names}
        hints = get_type_hints(kind, include_extras=True)
        options = [
            inspect.Parameter(field.name, parameter.kind, default=field.default, annotation=hints[field.name])
            for field in fields(kind)
            if field.name not in without
        ]
        return cls(parameter.name, kind, tuple(options))

    def take(self, given: dict[str, Any]) -> object:
        """Take the group's values out of those that a command was called with."""
        return self.kind(**{option.name: given.pop(option.name) for option in self.options})


def _is_group(parameter: inspect.Parameter) -> bool:
    kind = _parts(parameter.annotation)[0]
    return isinstance(kind, type) and is_dataclass(kind)


def _parts(annotation: Any) -> tuple[Any, ...]:
    """The type, and what `Annotated` adds to it."""
    return get_args(annotation) if get_origin(annotation) is Annotated else (annotation,)
