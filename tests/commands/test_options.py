"""The groups of options become the library's values: by default its own defaults, and each option reaches its field."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from noisecleaner.commands._options import (
    FittedRowOptions,
    ModelOptions,
    NewRowOptions,
    RowOptions,
    TrainingOptions,
    target_of,
)
from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest import Columns, Source
from noisecleaner.settings import Decoding, Effort, Inference, Meta, Model
from noisecleaner.threads import cores


def test_by_default_the_librarys_defaults_hold() -> None:
    assert RowOptions().source("data") == Source("data")
    assert FittedRowOptions().decoding() == Decoding()
    assert NewRowOptions().inference() == Inference()
    assert ModelOptions().model() == Model()
    assert TrainingOptions().effort() == Effort(workers=cores())


def test_each_column_has_its_option(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = RowOptions(
        image_column="i",
        label_column="l",
        id_column="s",
        trusted_column="t",
        trusted_id_column="k",
        embedding_column="e",
        probabilities_column="p",
        label_names="n",
        row_ids=True,
        allow_absolute=True,
        none_label="n",
    )
    columns = Columns(
        image="i",
        label="l",
        sample_id="s",
        trusted="t",
        trusted_id="k",
        embedding="e",
        probabilities="p",
        row_ids=True,
        irrelevant="c",
        label_names=("cat", "dog"),
    )
    (tmp_path / "n").write_text("cat\ndog\n")
    monkeypatch.chdir(tmp_path)
    source = Source("data", columns=columns, allow_absolute=True, none_label="n")
    assert options.source("data", irrelevant="c") == source


def test_each_field_of_a_model_has_its_option() -> None:
    changed = {"backbone": "b", "frozen": True, "pretrained": True, "weights": Path("w"), "hidden": 3}
    changed |= {"image_size": 9, "image_crop": "pad"}
    assert ModelOptions(**changed).model() == Model(**changed)
    assert changed.keys() == {field.name for field in fields(Model)}


def test_each_field_of_an_effort_has_its_option() -> None:
    plain: dict[str, Any] = {
        "epochs": 1,
        "batch_size": 2,
        "trusted_batch": 3,
        "learning_rate": 0.4,
        "schedule": "constant",
        "momentum": 0.2,
        "clip": 0.3,
        "weight_decay": 0.5,
        "folds": 6,
        "rounds": 1,
        "checkpoint_seconds": 7.0,
        "precision": "bfloat16",
        "workers": 8,
    }
    effort = TrainingOptions(**plain, meta="block", meta_every=9, meta_momentum=0.1).effort()
    assert effort == Effort(**plain, meta=Meta(layers="block", every=9, momentum=0.1))
    assert plain.keys() | {"meta"} == {field.name for field in fields(Effort)}


def test_how_images_are_decoded_and_looked_at() -> None:
    assert FittedRowOptions(max_pixels=10, threads=3).decoding() == Decoding(max_pixels=10, threads=3)
    looked = NewRowOptions(max_pixels=10, device="cuda", strict=True).inference()
    assert looked == Inference(max_pixels=10, device="cuda", strict=True)


@pytest.mark.parametrize("column", ["embedding_column", "probabilities_column"])
@pytest.mark.parametrize(
    ("change", "option"),
    [({"threads": 2}, "--threads"), ({"max_pixels": 9}, "--max-pixels"), ({"image_column": "i"}, "--image-column")],
)
def test_options_about_images_are_refused_for_vectors(column: str, change: dict[str, Any], option: str) -> None:
    with pytest.raises(NoisecleanerError, match=f"{option} would do nothing"):
        FittedRowOptions(**{column: "v"}, **change).decoding()


def test_options_about_new_rows_are_refused_where_there_are_none() -> None:
    NewRowOptions().refuse_without_data(None)
    labels = NewRowOptions(label_names="names.txt", trusted_column="mine", trusted_id_column="key")
    labels.refuse_without_data(None)  # for labels of fitted rows
    assert labels.of_labels() == {
        "--trusted-column": "mine",
        "--trusted-id-column": "key",
        "--label-names": "names.txt",
    }
    assert not any(NewRowOptions().of_labels().values())
    for options, out, word in (
        (NewRowOptions(), Path("out"), "--out"),
        (NewRowOptions(strict=True), None, "--strict"),
        (NewRowOptions(max_pixels=9), None, "--max-pixels"),
        (NewRowOptions(allow_absolute=True), None, "--allow-absolute"),
        (NewRowOptions(device="cpu"), None, "--device"),
        (NewRowOptions(label_column="l"), None, "column options"),
        (NewRowOptions(row_ids=True), None, "column options"),
        (NewRowOptions(strict=True, id_column="l"), Path("out"), "--out and --strict and column options"),
    ):
        with pytest.raises(NoisecleanerError) as error:
            options.refuse_without_data(out)
        assert error.value.message == f"{word} would do nothing: only for --data."


def test_scores_of_new_rows_are_named_after_the_data_and_its_whole_path() -> None:
    run = Path("run")
    assert target_of(run, "/data/new", Path("out")) == Path("out")
    names = [target_of(run, data, None) for data in ("/a/new rows.csv", "/b/new rows.csv", "/b/new rows.csv")]
    assert [name.parent for name in names] == [run / "new"] * 3
    assert all(name.name.startswith("new-rows-") for name in names)
    assert names[0] != names[1] == names[2]
