"""`noisecleaner methods` and `noisecleaner bench`: what there is, and what is asked of the library."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.asking import Asked
from support.datasets import Command

from noisecleaner.api import BenchConfig
from noisecleaner.registry import backbone_names, methods, names_in, regularisers


def test_methods_lists_every_file_with_its_options(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "400")
    outcome = command("methods")
    assert outcome.code == 0
    for plug_in in (*methods(), *regularisers()):
        others = {
            name: f" (or {', '.join(word for word in words if word != plug_in.options[name])})"
            for name, words in plug_in.choices.items()
        }
        options = ", ".join(f"{name}={value}{others.get(name, '')}" for name, value in plug_in.options.items())
        cells = [plug_in.name, plug_in.description, *([options] if options else [])]
        line = rf"^{' +'.join(re.escape(cell) for cell in cells)}$"
        assert re.search(line, outcome.out, re.MULTILINE), plug_in.name
    assert "normalise=cut (or sigmoid, softmax)" in outcome.out
    assert ", ".join(backbone_names()) in outcome.out


def test_bench_names_every_experiment(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "1000")
    assert ", ".join(names_in("bench")) in command("bench", "--help").out


def test_an_experiment_is_one_value(asked: Asked) -> None:
    call = asked("bench", "bench", "soseleto-synthetic", "--out", "out")
    assert call.positional == (BenchConfig("soseleto-synthetic"), Path("out"))
    words = "--data d --seeds 2 --scale 0.5 --device cpu --option a=1 --option b=x"
    config = asked("bench", "bench", "step", "--out", "out", *words.split()).positional[0]
    options = {"a": 1, "b": "x"}
    assert config == BenchConfig("step", data=Path("d"), seeds=2, scale=0.5, device="cpu", options=options)
