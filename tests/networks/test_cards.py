"""What is kept of a backbone: it comes back, and says what one may do with the weights."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import pytest

from noisecleaner.images.framing import Framing
from noisecleaner.networks.cards import Card, crops, free, identity, non_commercial


def test_a_card_comes_back_from_json() -> None:
    card = Card(
        name="timm:x", framing=Framing(224, "center", 0.9, "bicubic"), width=384, mean=(1.5, 2.0, 3.0), digest="ab"
    )
    assert Card.from_json(json.loads(json.dumps(asdict(card)))) == card
    assert str(card) == "timm:x at 224 px (center crop of 90%)"


@pytest.mark.parametrize("odd", [{"mean": 3}, {"framing": {}}, {"framing": None}, {"unknown": 1}])
def test_what_is_no_card_is_refused(odd: dict[str, object]) -> None:
    content = asdict(Card(name="x", framing=Framing(8), width=2))
    with pytest.raises((TypeError, ValueError, KeyError)):
        Card.from_json({**content, **odd})


def test_crops_are_the_same_text_for_the_same_looks() -> None:
    small, large = (Card(name="x", framing=Framing(size), width=2) for size in (160, 192))
    cut = replace(small, framing=Framing(224, "center", 0.9, "bicubic"))
    assert crops([]) == crops([small]) == crops([small, large]) == "squash"
    assert crops([cut]) == "center of 0.9, bicubic"
    assert crops([small, cut]) == "squash+center of 0.9, bicubic"


def test_what_made_features_is_told_by_weights_and_look_and_not_by_names() -> None:
    card = Card(name="x", framing=Framing(8), width=2, mean=(1.0,), deviation=(2.0,), digest="a")
    assert identity([replace(card, name="y", package="z 1")]) == identity([card])
    others = [replace(card, digest="b"), replace(card, mean=(2.0,)), replace(card, framing=Framing(8, "pad"))]
    assert len({identity([card]), identity([card, card]), *(identity([other]) for other in others)}) == 5


def test_licences_are_told_apart() -> None:
    assert [non_commercial(name) for name in ("cc-by-nc-4.0", "apple-amlr", "seer-license")] == [True] * 3
    assert [non_commercial(name) for name in ("apache-2.0", "dinov3-license", "nvidia-open-model-license", None)] == [
        False
    ] * 4
    assert [free(name) for name in ("mit", "dinov3-license", "cc-by-nc-4.0", None)] == [True, False, False, False]
