"""`noisecleaner fit`: every option reaches the one value that the library takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.asking import Asked
from support.datasets import Command

from noisecleaner.ingest import Columns, Source
from noisecleaner.runs.config import FitConfig
from noisecleaner.settings import Decoding, Effort, Meta, Model, Regularisation
from noisecleaner.threads import cores


def test_by_default_the_librarys_defaults_hold(asked: Asked) -> None:
    call = asked("fit", "fit", "images", "--out", "run")
    assert call.positional == (FitConfig(source=Source("images"), effort=Effort(workers=cores())), Path("run"))
    assert call.named == {"overwrite": False, "resume": False}


def test_every_option_reaches_its_field(asked: Asked) -> None:
    words = "data.csv --out run --trusted t.csv --method l2b --option a=1 --option lautum.b=x --transfer --overwrite"
    words += " --corrections c.csv --none-label n"
    words += " --regulariser lautum --unlabelled u --irrelevant i --irrelevant-column camera --resume"
    words += " --image-column im --label-column la --id-column sa --trusted-column tr --row-ids --allow-absolute"
    words += " --label-level -2"
    words += " --strict --max-pixels 9 --threads 2 --backbone b --no-frozen --pretrained --weights w --image-size 64"
    words += " --hidden 3 --epochs 4 --batch-size 5 --trusted-batch 6 --learning-rate 0.7 --weight-decay 0.8 --folds 9"
    words += " --schedule step --momentum 0.6 --clip 0"
    words += " --checkpoint-seconds 1 --meta last --meta-every 2 --meta-momentum 0.3 --precision float32 --workers 3"
    words += " --seed 7 --device cpu"
    call = asked("fit", "fit", *words.split())
    columns = Columns(image="im", label="la", sample_id="sa", trusted="tr", row_ids=True, irrelevant="camera")
    expected = FitConfig(
        source=Source("data.csv", columns=columns, allow_absolute=True, label_level=-2, none_label="n"),
        trusted="t.csv",
        corrections="c.csv",
        transfer=True,
        method="l2b",
        options={"a": 1},
        regularisation=Regularisation(
            regularisers={"lautum": {"b": "x"}, "purified": {}}, unlabelled="u", irrelevant="i"
        ),
        model=Model(backbone="b", frozen=False, pretrained=True, weights=Path("w"), image_size=64, hidden=3),
        effort=Effort(
            epochs=4,
            batch_size=5,
            trusted_batch=6,
            learning_rate=0.7,
            schedule="step",
            momentum=0.6,
            clip=0,
            weight_decay=0.8,
            folds=9,
            checkpoint_seconds=1,
            meta=Meta(layers="last", every=2, momentum=0.3),
            precision="float32",
            workers=3,
        ),
        decoding=Decoding(threads=2, max_pixels=9),
        seed=7,
        device="cpu",
        strict=True,
    )
    assert call.positional == (expected, Path("run"))
    assert call.named == {"overwrite": True, "resume": True}


@pytest.mark.parametrize(
    ("words", "regularisers"),
    [
        ([], {}),
        (["--unlabelled", "u"], {"lautum": {}}),
        (["--irrelevant", "i"], {"purified": {}}),
        (["--irrelevant-column", "camera"], {"purified": {}}),
        (["--regulariser", "purified", "--regulariser", "lautum"], {"purified": {}, "lautum": {}}),
        (["--unlabelled", "u", "--option", "lautum.weight=0.5"], {"lautum": {"weight": 0.5}}),
    ],
)
def test_rows_for_a_regulariser_choose_it(asked: Asked, words: list[str], regularisers: dict[str, Any]) -> None:
    config = asked("fit", "fit", "data", "--out", "run", *words).positional[0]
    assert config.regularisation.regularisers == regularisers
    assert config.options == {}


def test_an_option_of_a_regulariser_that_was_not_chosen_is_refused(command: Command) -> None:
    outcome = command("fit", "data", "--out", "run", "--option", "lautum.weight=1")
    assert outcome.code == 2
    assert "--option lautum.weight is for --regulariser lautum, which was not chosen" in outcome.err
    assert "Add --regulariser lautum" in outcome.err
