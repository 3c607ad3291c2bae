"""What attacks share: processes that run commands, and a home in which every command writes something."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.fire import Commands, commands
from support.victims import Home


@pytest.fixture(scope="session")
def run() -> Iterator[Commands]:
    with commands() as started:
        yield started


@pytest.fixture(scope="session")
def victims_home(run: Commands, tmp_path_factory: pytest.TempPathFactory) -> Home:
    return Home(tmp_path_factory.mktemp("victims"), run)
