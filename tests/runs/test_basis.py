"""Which rows label quality is calibrated on, as files keep it."""

from __future__ import annotations

import pytest

from noisecleaner.runs.basis import Basis


@pytest.mark.parametrize("basis", [Basis(rows=300, data="fitted"), Basis(rows=0, data="scored")])
def test_a_basis_comes_back(basis: Basis) -> None:
    assert Basis.from_json(basis.to_json()) == basis


@pytest.mark.parametrize("content", [{"rows": 3}, {"rows": -1, "data": "fitted"}, {"rows": 3, "data": "other"}])
def test_what_is_none_is_refused(content: dict[str, object]) -> None:
    with pytest.raises((KeyError, ValueError)):
        Basis.from_json(content)
