"""Plug-ins: one file of a folder = one thing to choose. Read off the files, so that asking does not import torch.

Every folder of plug-ins is read by the same functions: `weightings`, `regularisers`, `bench`, `gate.formats`, …
"""

from __future__ import annotations

import ast
import inspect
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from types import ModuleType, UnionType
from typing import Any, Literal, TypeVar, Union, Unpack, get_args, get_origin, get_type_hints

from noisecleaner.errors import NoisecleanerError

Kind = TypeVar("Kind")

_PACKAGE = Path(__file__).parent
_BACKBONES = "networks.backbones"


@dataclass(frozen=True)
class PlugIn:
    """One file of a folder of plug-ins.

    Args:
        name: what one chooses it by: the name of the file, with hyphens.
        description: the first line of the file's docstring.
        options: the keyword-only arguments of its constructors, with the default values as one would type them.
        choices: of those options that take only certain words, these words.
    """

    name: str
    description: str
    options: Mapping[str, str]
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def names_in(folder: str) -> list[str]:
    """List what there is to choose from: one name for each file of a folder, without importing any.

    Args:
        folder: of the package, such as `weightings` or `gate.formats`.
    """
    return [_name(file) for file in _files(folder)]


def plug_ins(folder: str) -> list[PlugIn]:
    """Describe the files of a folder, see `names_in`, without importing any."""
    return [_describe(file) for file in _files(folder)]


def constants_in(folder: str, constant: str) -> dict[str, Any]:
    """Read a constant of the files of a folder, see `names_in`, without importing any.

    Args:
        folder: of the package.
        constant: its name; what it stands for must be written out.

    Returns:
        Name of the file -> value, for the files that have it.
    """
    values = {}
    for file in _files(folder):
        for node in ast.parse(file.read_text("utf-8")).body:
            if isinstance(node, ast.Assign) and any(ast.unparse(target) == constant for target in node.targets):
                values[_name(file)] = ast.literal_eval(node.value)
    return values


def backbone_names() -> list[str]:
    """List the backbones that have a file of their own, which is called like them; `backbone_families` come on top."""
    return [name for name in names_in(_BACKBONES) if name not in backbone_families()]


def backbone_families() -> dict[str, str]:
    """List the files that know many backbones: name of the file -> which ones, in words."""
    return constants_in(_BACKBONES, "FAMILY")


def backbone_spellings() -> dict[str, str]:
    """List the files whose backbones' names begin with that of the file: name of the file -> how they are spelled."""
    return constants_in(_BACKBONES, "SPELLING")


def table_endings() -> list[str]:
    """List the endings of the tables that can be read, those of which a folder may be full first."""
    endings, in_folders = (constants_in("ingest.readers", constant) for constant in ("ENDINGS", "IN_FOLDERS"))
    return [ending for file in sorted(endings, key=lambda file: not in_folders[file]) for ending in endings[file]]


def methods() -> list[PlugIn]:
    """Describe the methods without importing them."""
    return plug_ins("weightings")


def regularisers() -> list[PlugIn]:
    """Describe the regularisers without importing them."""
    return plug_ins("regularisers")


def module_in(folder: str, name: str, *, parameter: str) -> ModuleType:
    """Import a file of a folder.

    Args:
        folder: see `names_in`.
        name: one of them.
        parameter: what takes the name, as an error calls it.

    Raises:
        NoisecleanerError: there is no such file.
    """
    check_choice(name, names_in(folder), parameter=parameter)
    return import_module(f"noisecleaner.{folder}.{name.replace('-', '_')}")


def class_in(folder: str, name: str, base: type[Kind], *, parameter: str) -> type[Kind]:
    """Import the class that a file of a folder defines: its last one that extends `base`, see `module_in`."""
    module = module_in(folder, name, parameter=parameter)
    own = [value for value in vars(module).values() if isinstance(value, type) and value.__module__ == module.__name__]
    return [value for value in own if issubclass(value, base)][-1]


def check_choice(value: str, valid: Sequence[str], *, parameter: str) -> None:
    """Refuse a name that is not among the valid ones.

    Args:
        value: what was chosen.
        valid: the names.
        parameter: what takes the name, as an error calls it.

    Raises:
        NoisecleanerError: lists the valid names.
    """
    if value not in valid:
        raise NoisecleanerError(f"{parameter} {value} is unknown.", f"Choose one of: {', '.join(valid)}.")


def check_types(cls: type, options: Mapping[str, Any], *, parameter: str, name: str) -> None:
    """Check that a class has these options, and that their values have the types it declares.

    Args:
        cls: its keyword-only arguments are its options.
        options: what the user gave.
        parameter: what took the name of the class, as an error calls it.
        name: that name.

    Raises:
        NoisecleanerError: it has no such option, or the value has another type.
    """
    hints = _options(cls)
    valid = list(hints)
    for key, value in options.items():
        if not valid:
            message = f"{parameter} {name} has no options, but {key} was given{_whose(key, parameter)}."
            raise NoisecleanerError(message, "Leave `options` out.")
        if key not in valid:
            message = f"`options={{{key!r}: ...}}` is unknown to {name}{_whose(key, parameter)}."
            raise NoisecleanerError(message, f"Choose one of: {', '.join(valid)}.")
        if not _fits(value, hints[key]):
            raise NoisecleanerError(
                f"`options={{{key!r}: {value!r}}}` of {parameter} {name} {_required(hints[key])}.",
                "See `methods()` for its default.",
            )


def _required(hint: Any) -> str:
    """Say what a value should be, as the end of a sentence that begins with the value."""
    if get_origin(hint) is Literal:
        return f"must be one of {', '.join(map(str, get_args(hint)))}"
    wanted = hint.__name__ if isinstance(hint, type) else str(hint)
    return f"is not of the type {wanted.replace('typing.', '')}"


def _whose(option: str, parameter: str) -> str:
    """Say which methods and regularisers have an option that a method has not: words after a colon, or none."""
    if parameter != "`method`":
        return ""
    owners = [f"`method={plug_in.name!r}`" for plug_in in methods() if option in plug_in.options]
    owners += [
        f"`regularisers={plug_in.name!r}` (`options={{{f'{plug_in.name}.{option}'!r}: ...}}`)"
        for plug_in in regularisers()
        if option in plug_in.options
    ]
    return f": it is an option of {' and '.join(owners)}" if owners else ""


def _files(folder: str) -> list[Path]:
    path = _PACKAGE.joinpath(*folder.split("."))
    if not path.is_dir():
        raise LookupError(f"noisecleaner has no folder {folder}")
    return sorted(path.glob("[!_]*.py"))


def _name(file: Path) -> str:
    return file.stem.replace("_", "-")


def _describe(file: Path) -> PlugIn:
    tree = ast.parse(file.read_text("utf-8"))
    description = (ast.get_docstring(tree) or "").partition("\n")[0]
    constructors = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == "__init__"]
    options: dict[str, str] = {}
    choices: dict[str, tuple[str, ...]] = {}
    for constructor in constructors:
        arguments = constructor.args
        for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
            options[argument.arg] = "required" if default is None else str(ast.literal_eval(default))
            if words := _choices(argument.annotation):
                choices[argument.arg] = words
    return PlugIn(_name(file), description, options, choices)


def _choices(annotation: ast.expr | None) -> tuple[str, ...]:
    """The words of an annotation `Literal[…]`, as one would type them; `()` of another."""
    match annotation:
        case ast.Subscript(value=ast.Name(id="Literal"), slice=words):
            found = ast.literal_eval(words)
            return tuple(map(str, found if isinstance(found, tuple) else (found,)))
    return ()


def _options(cls: type) -> dict[str, Any]:
    """Name and type of each option of a class: its keyword-only arguments, and those that it hands on by `Unpack`."""
    constructor = cls.__init__  # type: ignore[misc]  # of the class, not of an instance: only its signature is read
    hints = get_type_hints(constructor)
    found: dict[str, Any] = {}
    for parameter in inspect.signature(constructor).parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY:
            found[parameter.name] = hints[parameter.name]
        elif parameter.kind is parameter.VAR_KEYWORD and get_origin(hints.get(parameter.name)) is Unpack:
            found |= get_type_hints(get_args(hints[parameter.name])[0])
    return found


def _fits(value: object, hint: Any) -> bool:
    """Whether a value that was typed has the type that an option asks for: int, float, str, Literal, or a union."""
    if get_origin(hint) is Literal:
        return value in get_args(hint)
    if get_origin(hint) in (Union, UnionType):
        return any(_fits(value, part) for part in get_args(hint))
    if hint is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    return isinstance(value, hint) and (hint is bool or not isinstance(value, bool))
