"""noisecleaner.toml: what a project says once, a table for each command that reads it."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from noisecleaner.errors import NoisecleanerError, listed

#: What is read without `config`, below the working directory, if it is there.
DEFAULT = Path("noisecleaner.toml")
#: The tables that such a file may hold.
TABLES = ("fit", "score", "report", "export", "gate")


def read_tables(path: Path) -> Mapping[str, Mapping[str, Any]]:
    """Read the tables of a file: name -> what stands in it. Their keys are for `check_keys`.

    Raises:
        NoisecleanerError: the file is missing, is not TOML, or holds something else than these tables.
    """
    try:
        content = tomllib.loads(path.read_bytes().decode("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise NoisecleanerError(
            f"{path} must be a TOML file with tables such as [gate], but it cannot be read ({error}).",
            "Put it right, or name another one with `config=FILE`.",
        ) from error
    check_keys(content, TABLES, str(path))
    for name, table in content.items():
        if not isinstance(table, dict):
            raise _no_table(path, name)
    return content


def read_table(path: Path, name: str) -> Mapping[str, Any]:
    """Read one table of a file, which must be there.

    Raises:
        NoisecleanerError: see `read_tables`; or it is not there.
    """
    tables = read_tables(path)
    if name not in tables:
        raise _no_table(path, name)
    return tables[name]


def check_keys(table: Mapping[str, Any], known: Collection[str], where: str) -> None:
    """Refuse keys that mean nothing: one that is misspelt would silently do nothing.

    Args:
        table: what was read.
        known: its keys.
        where: what holds them, as an error calls it.

    Raises:
        NoisecleanerError: names the first that is unknown, the near one, and all.
    """
    unknown = next((key for key in table if key not in known), None)
    if unknown is None:
        return
    near = get_close_matches(unknown.lower().replace("_", "-"), list(known), n=1)
    raise NoisecleanerError(
        f"{where} may hold {listed(list(known), 99)}, but it also holds {unknown!r}.",
        f"Did you mean {near[0]}?" if near else "Correct the spelling, or leave it out.",
    )


def _no_table(path: Path, name: str) -> NoisecleanerError:
    examples = {"gate": "max-noise = 0.05", "fit": "epochs = 20", "report": "rows = 100"}
    examples["export"] = 'on-flag = "relabel"'
    example = f"{examples.get(name, 'threshold = 0.4')}, say"
    return NoisecleanerError(
        f"{path} needs a table [{name}], but it has none.", f"Write [{name}], and below it {example}."
    )
