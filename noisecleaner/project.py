"""noisecleaner.toml: what a project says once, a table for each command that reads it."""

from __future__ import annotations

import re
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
#: Bytes of such a file, and a key or name of a table of more parts between dots than any of ours: `tomllib` needs
#: seconds for thousands of parts, and does not end for ever more.
_MOST_BYTES = 2**18
_DEEP = re.compile(rb"""(?<![\w.-])(?:(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){32}""")


def read_tables(path: Path) -> Mapping[str, Mapping[str, Any]]:
    """Read the tables of a file: name -> what stands in it. Their keys are for `check_keys`.

    Raises:
        NoisecleanerError: the file is missing, is not TOML, or holds something else than these tables.
    """
    try:
        content = tomllib.loads(_text(path))
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


def _text(path: Path) -> str:
    """Read a file that `tomllib` is done with at once.

    Raises:
        ValueError: it is too large, nested too deeply, or no text.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        content = file.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise ValueError(f"it has more than {_MOST_BYTES // 1024} KiB")
    if _DEEP.search(content):
        raise ValueError("a name in it has more than 32 parts between dots")
    return content.decode("utf-8")


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
