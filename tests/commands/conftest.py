"""Commands that stop where the library would start."""

from __future__ import annotations

from typing import Any

import pytest
import typer
from support.asking import Asked, Call
from support.datasets import Command

from noisecleaner import api


@pytest.fixture
def asked(command: Command, monkeypatch: pytest.MonkeyPatch) -> Asked:
    """Run a command, and return what it calls a function of `api` with; nothing else happens."""

    def run(function: str, *words: object) -> Call:
        calls: list[Call] = []

        def noted(*positional: Any, **named: Any) -> None:
            talk = ("progress", "interrupts")
            calls.append(Call(positional, {name: value for name, value in named.items() if name not in talk}))
            raise typer.Exit

        with monkeypatch.context() as patch:
            patch.setattr(api, function, noted)
            outcome = command(*words)
        assert (outcome.code, outcome.out, outcome.err) == (0, "", "")
        (call,) = calls
        return call

    return run
