"""What is asked of `embed`: refused early, and kept for a run that goes on."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from noisecleaner.embedding.config import ALIGNED, EmbedConfig
from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest import Source
from noisecleaner.inputs.encoders import BLOCK
from noisecleaner.settings import Model

CONFIG = EmbedConfig(source=Source("images"))


def test_shards_begin_where_blocks_do() -> None:
    assert ALIGNED % BLOCK == 0
    CONFIG.check()


@pytest.mark.parametrize(("rows", "near"), [(1, 64), (100, 64), (200, 192)])
def test_other_sizes_of_shards_are_refused_with_one_that_will_do(rows: int, near: int) -> None:
    with pytest.raises(NoisecleanerError, match="multiple of 64") as told:
        replace(CONFIG, rows_per_shard=rows).check()
    assert told.value.hint == f"Give `rows_per_shard={near}`."


@pytest.mark.parametrize("model", [Model(hidden=8), Model(frozen=False)])
def test_options_about_training_are_refused(model: Model) -> None:
    with pytest.raises(NoisecleanerError, match="asks for one that is trained"):
        replace(CONFIG, model=model).check()


def test_an_engine_that_there_is_not_is_refused() -> None:
    with pytest.raises(NoisecleanerError, match="`engine` abacus is unknown"):
        replace(CONFIG, engine="abacus").check()


def test_what_is_kept_is_json_and_changes_with_every_option_that_changes_numbers() -> None:
    kept = [
        json.dumps(config.to_json())
        for config in (
            CONFIG,
            replace(CONFIG, model=Model(image_size=32)),
            replace(CONFIG, device="cpu"),
            replace(CONFIG, rows_per_shard=64),
            replace(CONFIG, source=Source("others")),
        )
    ]
    assert len(set(kept)) == len(kept)
    assert json.dumps(replace(CONFIG, strict=True).to_json()) == kept[0]
