"""What there is to choose from, read off the files themselves, so that asking does not import torch."""

from __future__ import annotations

import ast
import inspect
import math
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from noisecleaner.errors import NoisecleanerError

Kind = TypeVar("Kind")


@dataclass(frozen=True)
class Method:
    """One file of `weightings/`.

    Args:
        name: what `--method` takes.
        summary: the first line of the file's docstring.
        options: what `--option NAME=VALUE` takes, with the default values as one would type them.
    """

    name: str
    summary: str
    options: dict[str, str]


def method_names() -> list[str]:
    """List what `--method` takes: one name for each file of `weightings/`."""
    return [_name(file) for file in _files("weightings")]


def backbone_names() -> list[str]:
    """List the backbones that have a file of their own; every torchvision classification model comes on top."""
    return [_name(file) for file in _files("networks.backbones") if file.stem != "torchvision_models"]


def regulariser_names() -> list[str]:
    """List what `--regulariser` takes: one name for each file of `regularisers/`."""
    return [_name(file) for file in _files("regularisers")]


def regularisers() -> list[Method]:
    """Describe the regularisers without importing them."""
    return [_describe(file) for file in _files("regularisers")]


def experiment_names() -> list[str]:
    """List what `bench` takes: one name for each file of `bench/`."""
    return [_name(file) for file in _files("bench")]


def format_names() -> list[str]:
    """List the formats of a verdict: one name for each file of `formats/`."""
    return [_name(file) for file in _files("gate.formats")]


def methods() -> list[Method]:
    """Describe the methods without importing them."""
    return [_describe(file) for file in _files("weightings")]


def check_choice(option: str, value: str, valid: list[str]) -> None:
    """Refuse a name that is not among the valid ones.

    Raises:
        NoisecleanerError: lists the valid names.
    """
    if value not in valid:
        raise NoisecleanerError(f"{option} {value} is unknown.", f"Choose one of: {', '.join(valid)}.")


def module_name(name: str) -> str:
    """The file's name of a method: hyphens become underscores."""
    return name.replace("-", "_")


def class_in(package: str, name: str, base: type[Kind]) -> type[Kind]:
    """Import the class that a file of a package defines: its last one that extends `base`.

    Args:
        package: `noisecleaner.weightings`, for example.
        name: of the file, hyphens for underscores.
        base: the contract.
    """
    module = import_module(f"{package}.{module_name(name)}")
    own = [value for value in vars(module).values() if isinstance(value, type) and value.__module__ == module.__name__]
    return [value for value in own if issubclass(value, base)][-1]


def _files(package: str) -> list[Path]:
    # find_spec imports the parent package only, and that one is free of torch
    spec = find_spec(f"noisecleaner.{package}")
    folders = [Path(p) for p in (spec.submodule_search_locations or [])] if spec else []
    return sorted(f for folder in folders for f in folder.glob("[!_]*.py"))


def _name(file: Path) -> str:
    return file.stem.replace("_", "-")


def _describe(file: Path) -> Method:
    tree = ast.parse(file.read_text("utf-8"))
    summary = (ast.get_docstring(tree) or "").partition("\n")[0]
    constructors = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == "__init__"]
    options: dict[str, str] = {}
    for constructor in constructors:
        arguments = constructor.args
        for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
            options[argument.arg] = "required" if default is None else str(ast.literal_eval(default))
    return Method(_name(file), summary, options)


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
