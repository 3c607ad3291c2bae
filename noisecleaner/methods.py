"""What there is to choose from, read off the files themselves, so that asking does not import torch."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar

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
    return [_name(file) for file in _files("backbones") if file.stem != "torchvision_models"]


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
    return [_name(file) for file in _files("formats")]


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
