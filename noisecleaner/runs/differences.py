"""Which options of two fits differ, in the words of those who typed them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from noisecleaner.errors import listed
from noisecleaner.texts import shortened

#: Parts of the options, as `FitConfig.to_json` calls them -> the class whose fields they are.
_OWNERS = {
    "source": "Source",
    "columns": "Columns",
    "regularisation": "Regularisation",
    "model": "Model",
    "effort": "Effort",
    "meta": "Meta",
}
#: Options that are no field of a part -> how they are called.
_CALLED = {"method_options": "options", "max_pixels": "Decoding.max_pixels"}
#: Characters of a text, and names, that are told.
_LENGTH, _NAMES = 200, 3


def differences(
    before: Mapping[str, Any], now: Mapping[str, Any], owner: str = "", *, word: str = "now"
) -> Iterator[str]:
    """Yield each option that differs: "`seed=3` (now `seed=4`)".

    Args:
        before: what `FitConfig.to_json` gave.
        now: likewise, of another fit.
        owner: the class whose fields these are.
        word: what stands before the value of the other fit.
    """
    for name in now:
        old, new = before[name], now[name]
        if old == new:
            continue
        if name in _OWNERS:
            yield from differences(old, new, _OWNERS[name], word=word)
            continue
        if isinstance(old, dict) and isinstance(new, dict):
            old, new = _less(old, new), _less(new, old)
        called = _CALLED.get(name, f"{owner}.{name}" if owner else name)
        yield f"{_told(called, old)} ({word} {_told(called, new)})"


def _less(some: Mapping[str, Any], others: Mapping[str, Any]) -> dict[str, Any]:
    """What stands in one mapping only, or otherwise in the other."""
    return {name: value for name, value in some.items() if name not in others or others[name] != value}


def _told(called: str, value: Any) -> str:
    """An option with its value: `Effort(epochs=3)`, or no `Effort.epochs`."""
    if called == "Source.data":
        return f"the data {shortened(value, _LENGTH)!r}"
    if isinstance(value, (list, tuple)) and value:
        return f"`{called}` ({shortened(listed(list(value), _NAMES), _LENGTH)})"
    # an option that chooses by itself is off in its own words
    if value is None or value in ({}, [], ()) or (value is False and called != "Model.frozen"):
        return f"no `{called}`"
    owner, _, name = called.rpartition(".")
    written = repr(shortened(value, _LENGTH)) if isinstance(value, str) else repr(value)
    return f"`{owner}({name}={written})`" if owner else f"`{name}={written}`"
