"""Rows of an experiment that were chosen by its options: those with one of the values that a text lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from noisecleaner.bench import Row
from noisecleaner.errors import NoisecleanerError
from noisecleaner.registry import check_choice


def chosen(rows: Sequence[Row], wanted: Mapping[str, str | float]) -> tuple[Row, ...]:
    """Choose rows.

    Args:
        rows: all of an experiment.
        wanted: option, such as `methods` -> the values that are wanted, with commas between; empty takes all. What an
            option chooses by is called like it, without the `s` of the plural.

    Raises:
        NoisecleanerError: no row has such a value, or all of those that were asked for together.
    """
    left = tuple(rows)
    for option, text in wanted.items():
        values = [value.strip() for value in str(text).split(",") if value.strip()]
        there = list(dict.fromkeys(_value(row, option) for row in rows))
        for value in values:
            check_choice(value, there, parameter=f"The option {option}")
        left = tuple(row for row in left if not values or _value(row, option) in values)
    if not left:
        asked = "; ".join(f"{option} {text}" for option, text in wanted.items() if text != "")
        raise NoisecleanerError(f"No row of the experiment has all of: {asked}.", "Leave one of these options out.")
    return left


def _value(row: Row, option: str) -> str:
    if option == "methods":
        return row.method
    name = option if option in row.setting else option.removesuffix("s")
    return str(row.setting[name])
