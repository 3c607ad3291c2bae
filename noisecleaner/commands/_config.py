"""Options from noisecleaner.toml: the tables [fit], [score] and [export] say what one would type each time."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

from typer.core import TyperCommand

from noisecleaner.commands._shared import opt
from noisecleaner.commands.terminal import TerminalProgress
from noisecleaner.errors import NoisecleanerError
from noisecleaner.project import DEFAULT, check_keys, read_table, read_tables
from noisecleaner.settings import NO_TRUSTED

#: A command takes it only to have the option: `Configured` reads the file before options are parsed.
Config = Annotated[
    Path | None, opt("TOML file with a table of these options; noisecleaner.toml by default, if it is there.")
]

#: What somebody decides each time, and no file should.
_TYPED = frozenset({"config", "help", "overwrite", "resume", "dry-run"})
#: Options that take a file or a folder: in a TOML file it is relative to that file.
PLACES = frozenset(
    {"out", "data", "trusted", "corrections", "class-embeddings", "weights", "unlabelled", "irrelevant", "label-names"}
)
_VECTORS = frozenset({"embedding-column", "probabilities-column"})
_TARGETS = frozenset({"target-precision", "target-noise"})
_CUTS = _TARGETS | {"threshold", "budget", "cost"}
#: Options that stand instead of others: typed, they replace those of a file.
_INSTEAD = {
    **dict.fromkeys(_TARGETS, _CUTS),
    **{name: _CUTS | {"confidence"} for name in ("threshold", "budget", "cost")},
    **dict.fromkeys(_VECTORS, _VECTORS),
}


def configured(table: str) -> type[TyperCommand]:
    """Make the class of a command that takes options from a table of noisecleaner.toml.

    Args:
        table: its name, without brackets.
    """

    class Configured(TyperCommand):
        """Puts the words of the table before those that were typed: the last one counts."""

        def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
            told = [] if {"--help", "-h"}.intersection(args) else _from_file(self.params, args, table)
            return super().parse_args(ctx, [*told, *args])

    return Configured


def _from_file(params: Sequence[Any], args: Sequence[str], table: str) -> list[str]:
    """Write what the table says as words of the command line, but for what was typed, and tell it."""
    named = _typed(args, "--config")
    path = Path(named) if named is not None else DEFAULT
    if named is not None:
        content = read_table(path, table)
    else:
        content = read_tables(path).get(table, {}) if path.exists() else {}
    options = {param.opts[0].lstrip("-"): param for param in params if param.param_type_name == "option"}
    where = f"[{table}] in {path}"
    check_keys(content, [name for name in options if name not in _TYPED], where)
    given = {name for name, param in options.items() if any(_is(word, param) for word in args)}
    replaced = given.union(*(_INSTEAD.get(name, frozenset()) for name in given))
    left = {name: value for name, value in content.items() if name not in replaced}
    words = [word for name, value in left.items() for word in _words(options[name], name, value, where, path.parent)]
    if words:
        TerminalProgress().note(f"From {where}: {shlex.join(words)}")
    return words


def _typed(args: Sequence[str], option: str) -> str | None:
    """The value of an option among the words, the last one."""
    found = None
    for place, word in enumerate(args):
        if word == option:
            found = next(iter(args[place + 1 :]), None)
        elif word.startswith(f"{option}="):
            found = word.partition("=")[2]
    return found


def _is(word: str, param: Any) -> bool:
    return word.partition("=")[0] in (*param.opts, *param.secondary_opts)


def _words(param: Any, name: str, value: object, where: str, home: Path) -> Iterator[str]:
    """Write one key as words."""
    option = param.opts[0]
    if getattr(param, "is_flag", False):
        if not isinstance(value, bool):
            raise _wrong(name, where, "true or false", value)
        yield from [option] if value else param.secondary_opts[:1]
        return
    for one in _several(name, value, where) if param.multiple else [value]:
        if isinstance(one, bool) or not isinstance(one, (str, int, float)):
            raise _wrong(name, where, "a text or a number", one)
        yield f"{option}={_placed(name, one, home) if isinstance(one, str) else one}"


def _several(name: str, value: object, where: str) -> list[object]:
    if not isinstance(value, list):
        raise _wrong(name, where, 'a list, such as ["name"]', value)
    return value


def _placed(name: str, text: str, home: Path) -> str:
    """Make the path of a file relative to the TOML file; class names, columns, URIs and `none` are no paths."""
    from noisecleaner.ingest.files.places import leads_out
    from noisecleaner.ingest.source import VECTOR_FILES

    is_path = name in PLACES or (name in _VECTORS and text.endswith(VECTOR_FILES))
    return text if not is_path or text == NO_TRUSTED or leads_out(text) else str(home / text)


def _wrong(name: str, where: str, wanted: str, value: object) -> NoisecleanerError:
    return NoisecleanerError(f"{name} of {where} must be {wanted}, but it is {value!r}.", "See the option's help.")
