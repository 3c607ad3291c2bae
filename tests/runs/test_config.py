"""What a user asks of a fit survives the way through `run.json`, and what cannot be is refused before data is read."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest import Columns, Source
from noisecleaner.runs.config import FitConfig
from noisecleaner.settings import Decoding, Effort, Meta, Model, Regularisation

CONFIG = FitConfig(source=Source("/data"))
NAMES = st.text(min_size=1, max_size=8)
PATHS = NAMES.map(lambda name: f"/data/x{name.replace('/', '').replace(chr(0), '')}/file")
VALUES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | NAMES
OPTIONS = st.dictionaries(NAMES, VALUES, max_size=3)
RATES = st.floats(0, 1)


def optional(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


# what `run.json` does not keep (threads, workers, seconds between checkpoints) stays at its default
CONFIGS = st.builds(
    FitConfig,
    source=st.builds(Source, PATHS, columns=st.builds(Columns, label=NAMES, irrelevant=optional(NAMES))),
    trusted=st.just("none") | optional(PATHS),
    transfer=st.booleans(),
    method=NAMES,
    options=OPTIONS,
    regularisation=st.builds(
        Regularisation,
        regularisers=st.dictionaries(NAMES, OPTIONS, max_size=2),
        unlabelled=optional(PATHS),
        irrelevant=optional(PATHS),
    ),
    model=st.builds(
        Model,
        backbone=optional(NAMES),
        frozen=optional(st.booleans()),
        pretrained=st.booleans(),
        weights=optional(PATHS.map(Path)),
        image_size=optional(st.integers(8, 512)),
        hidden=st.integers(0, 512),
    ),
    effort=st.builds(
        Effort,
        epochs=optional(st.integers(1, 300)),
        batch_size=optional(st.integers(2, 512)),
        trusted_batch=st.integers(2, 512),
        learning_rate=optional(RATES),
        schedule=st.sampled_from(["cosine", "constant", "step"]),
        momentum=RATES,
        clip=RATES,
        weight_decay=optional(RATES),
        folds=optional(st.integers(3, 9)),
        meta=st.builds(
            Meta, layers=st.sampled_from(["exact", "block", "last"]), every=st.integers(1, 9), momentum=RATES
        ),
        precision=st.sampled_from(["auto", "float32", "bfloat16"]),
    ),
    decoding=st.builds(Decoding, threads=st.just(Decoding().threads), max_pixels=st.integers(1, 2**40)),
    seed=st.integers(0, 2**32 - 1),
    device=NAMES,
    strict=st.booleans(),
)


@given(CONFIGS)
def test_a_config_comes_back_from_json(config: FitConfig) -> None:
    assert FitConfig.from_json(json.loads(json.dumps(config.to_json()))) == config


@given(CONFIGS, st.integers(1, 64), st.integers(1, 8), RATES)
def test_what_a_fit_may_be_resumed_with_is_not_kept(config: FitConfig, threads: int, workers: int, rate: float) -> None:
    """Those change how fast a fit is, and not what comes of it."""
    effort = replace(config.effort, workers=workers, checkpoint_seconds=rate)
    other = replace(config, effort=effort, decoding=replace(config.decoding, threads=threads))
    assert other.to_json() == config.to_json()


def test_json_keeps_the_names_and_the_order_of_the_options() -> None:
    assert list(CONFIG.to_json()) == [
        "source", "trusted", "corrections", "class_embeddings", "transfer", "method", "method_options",
        "regularisation", "model", "effort", "max_pixels", "seed", "device", "strict",
    ]  # fmt: skip
    assert list(CONFIG.to_json()["effort"]) == [
        "epochs", "batch_size", "trusted_batch", "learning_rate", "schedule", "momentum", "clip", "weight_decay",
        "folds", "rounds", "meta", "precision",
    ]  # fmt: skip


def test_paths_are_kept_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    beside = Regularisation(unlabelled="letters", irrelevant="s3://bucket/table.parquet")
    kept = replace(CONFIG, trusted="verified.csv", corrections="fixed.csv", regularisation=beside).to_json()
    assert kept["trusted"] == str(tmp_path / "verified.csv")
    assert kept["corrections"] == str(tmp_path / "fixed.csv")
    assert kept["regularisation"]["unlabelled"] == str(tmp_path / "letters")
    assert kept["regularisation"]["irrelevant"] == "s3://bucket/table.parquet"
    assert replace(CONFIG, trusted="none").to_json()["trusted"] == "none"


def test_what_was_not_asked_when_a_run_was_written_has_its_default() -> None:
    content = CONFIG.to_json()
    del (
        content["corrections"],
        content["transfer"],
        content["effort"]["precision"],
        content["effort"]["meta"]["momentum"],
        content["effort"]["schedule"],
        content["effort"]["clip"],
    )
    assert FitConfig.from_json(content) == CONFIG


@pytest.mark.parametrize("content", [{}, {"source": "/data"}, CONFIG.to_json() | {"nonsense": 1}])
def test_another_json_is_no_config(content: dict[str, Any]) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        FitConfig.from_json(content)


def test_a_plain_config_passes() -> None:
    CONFIG.check()
    replace(CONFIG, method="l2b", trusted="none", effort=Effort(folds=1, batch_size=64)).check()
    replace(CONFIG, transfer=True, trusted="/target").check()
    replace(CONFIG, regularisation=Regularisation(regularisers={"lautum": {}}, unlabelled="/letters")).check()


@pytest.mark.parametrize(
    ("effort", "message"),
    [
        (Effort(epochs=0), "`Effort.epochs` must be at least 1 and finite, but it is 0."),
        (Effort(batch_size=1), "`Effort.batch_size` must be at least 2 and finite, but it is 1."),
        (Effort(trusted_batch=1), "`Effort.trusted_batch` must be at least 2 and finite, but it is 1."),
        (Effort(learning_rate=0), "`Effort.learning_rate` must be above 0 and finite, but it is 0."),
        (Effort(learning_rate=math.inf), "`Effort.learning_rate` must be above 0 and finite, but it is inf."),
        (Effort(learning_rate=math.nan), "`Effort.learning_rate` must be above 0 and finite, but it is nan."),
        (Effort(momentum=1), "`Effort.momentum` must be at least 0 and below 1, but it is 1."),
        (Effort(momentum=math.nan), "`Effort.momentum` must be at least 0 and below 1, but it is nan."),
        (Effort(clip=-1), "`Effort.clip` must be at least 0 and finite, but it is -1."),
        (Effort(schedule="linear"), "`Effort.schedule` linear is unknown."),  # type: ignore[arg-type]  # that is the test
        (Effort(weight_decay=-1), "`Effort.weight_decay` must be at least 0 and finite, but it is -1."),
        (Effort(workers=0), "`Effort.workers` must be at least 1 and finite, but it is 0."),
        (Effort(folds=2), "`Effort.folds` must be 1 (a single run) or at least 3 (cross-fitting), but it is 2."),
        (Effort(folds=0), "`Effort.folds` must be 1 (a single run) or at least 3 (cross-fitting), but it is 0."),
        (Effort(precision="half"), "`Effort.precision` half is unknown."),  # type: ignore[arg-type]  # that is the test
        (Effort(meta=Meta(layers="all")), "`Meta.layers` all is unknown."),  # type: ignore[arg-type]  # likewise
    ],
)
def test_efforts_that_make_no_sense_are_refused(effort: Effort, message: str) -> None:
    with pytest.raises(NoisecleanerError) as error:
        replace(CONFIG, effort=effort).check()
    assert error.value.message == message


def test_a_method_names_the_batch_that_it_needs() -> None:
    with pytest.raises(NoisecleanerError, match=r"`method='bilevel'`.* of at least \d+, but it is 2") as error:
        replace(CONFIG, method="bilevel", effort=Effort(batch_size=2)).check()
    assert "`Effort(batch_size=" in error.value.hint


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"method": "nonsense"}, "`method` nonsense is unknown"),
        ({"options": {"nonsense": 1}}, "`options={'nonsense': ...}` is unknown to soseleto"),
        ({"regularisation": Regularisation(regularisers={"nonsense": {}})}, "nonsense is unknown"),
        ({"regularisation": Regularisation(regularisers={"lautum": {"x": 1}}, unlabelled="/l")}, "x"),
        (
            {"regularisation": Regularisation(unlabelled="/letters")},
            "`Regularisation.unlabelled` is for a regulariser that looks at such rows, but none was chosen",
        ),
        ({"regularisation": Regularisation(irrelevant="/table")}, "`Regularisation.irrelevant` is for a regulariser"),
        (
            {"regularisation": Regularisation(regularisers={"purified": {}}, unlabelled="/letters")},
            "`Regularisation.unlabelled` is for a regulariser",
        ),
        (
            {"source": Source("/data", columns=Columns(irrelevant="camera"))},
            "`Columns.irrelevant` is for a regulariser",
        ),
        ({"transfer": True}, "`transfer=True` needs the target"),
        ({"transfer": True, "trusted": "none"}, "`transfer=True` needs the target"),
        ({"transfer": True, "trusted": "/target", "method": "l2b"}, "but l2b compares labels"),
        ({"transfer": True, "trusted": "/target", "effort": Effort(folds=5)}, "`Effort.folds` is 5"),
    ],
)
def test_what_does_not_go_together_is_refused(change: dict[str, Any], word: str) -> None:
    with pytest.raises(NoisecleanerError) as error:
        replace(CONFIG, **change).check()
    assert word in error.value.message


def test_a_config_is_made_without_torch() -> None:
    check = "from noisecleaner.runs.config import FitConfig; import sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
