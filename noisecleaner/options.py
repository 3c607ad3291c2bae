"""Options that users type, checked against the constructor that takes them: its keyword-only arguments."""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from noisecleaner.errors import NoisecleanerError
from noisecleaner.methods import check_choice


def check_types(option: str, name: str, made: type, options: Mapping[str, Any]) -> None:
    """Check that a class has these options, and that their values have the types it declares.

    Args:
        option: the option that chose the class, such as `--method`.
        name: what it chose.
        made: the class; its keyword-only arguments are its options.
        options: what the user typed.

    Raises:
        NoisecleanerError: it has no such option, or the value has another type.
    """
    constructor = made.__init__  # type: ignore[misc]  # of the class, not of an instance: only its signature is read
    hints = get_type_hints(constructor)
    valid = [p.name for p in inspect.signature(constructor).parameters.values() if p.kind is p.KEYWORD_ONLY]
    for key, value in options.items():
        if not valid:
            raise NoisecleanerError(f"{option} {name} has no options, but {key} was given.", "Leave --option out.")
        check_choice(f"--option of {name}", key, valid)
        if key in hints and not _fits(value, hints[key]):
            wanted = hints[key].__name__ if isinstance(hints[key], type) else str(hints[key])
            raise NoisecleanerError(
                f"--option {key}={value} of {option} {name} is not of the type {wanted.replace('typing.', '')}.",
                "See `noisecleaner methods` for its default.",
            )


def _fits(value: object, hint: Any) -> bool:
    """Whether a value that was typed has the type that an option asks for: int, float, str, Literal, or a union."""
    if get_origin(hint) is Literal:
        return value in get_args(hint)
    if get_origin(hint) in (Union, UnionType):
        return any(_fits(value, part) for part in get_args(hint))
    if hint is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    return isinstance(value, hint) and (hint is bool or not isinstance(value, bool))
