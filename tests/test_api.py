"""The Python interface: every name is there, and asking for those that need no torch does not import it."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys

import pytest

from noisecleaner import api


@pytest.mark.parametrize("name", api.__all__)
def test_every_name_resolves(name: str) -> None:
    assert getattr(api, name) is not None


def test_the_names_are_listed_in_order_and_once() -> None:
    assert dir(api) == sorted(set(api.__all__))


def test_what_torch_is_needed_for_comes_from_where_it_is_defined() -> None:
    from noisecleaner.api import bench, fit

    assert (fit.__module__, bench.__name__) == ("noisecleaner.fitting", "bench")


def test_an_unknown_name_is_none_of_ours() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        _ = api.nonsense
    assert not hasattr(api, "choose_device")  # a name of `fitting`, but not of the interface


def test_only_what_needs_torch_imports_it() -> None:
    light = [name for name in api.__all__ if "bench" not in name.lower() and name not in ("fit", "embed", "Embedder")]
    check = f"from noisecleaner.api import {', '.join(light)}; import sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0


def test_every_function_takes_paths_as_texts() -> None:
    """Whoever types `fit(config, "runs/first")` is right wherever a path is asked for."""
    functions = [getattr(api, name) for name in api.__all__ if inspect.isfunction(getattr(api, name))]
    narrow = [
        f"{function.__name__}({name})"
        for function in functions
        for name, parameter in inspect.signature(function).parameters.items()
        if re.search(r"\bPath\b", str(parameter.annotation))
    ]
    assert narrow == []
