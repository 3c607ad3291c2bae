"""`run.json`: what was asked of a fit, of which data, how far it is, and what came of it."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from noisecleaner.notices import Notice
from noisecleaner.runs.config import FitConfig

#: Packages that a result may depend on.
_PACKAGES = ("noisecleaner", "torch", "torchvision", "scikit-learn", "pyarrow", "pillow", "numpy")


@dataclass(frozen=True)
class FitResult:
    """What `fit` did.

    Args:
        rows: rows of the dataset.
        skipped: rows that took no part, by reason.
        audited: rows of the dataset with a verified label.
        clean_only: trusted rows that are not in the dataset.
        judging: audited rows that judged what they had not steered.
        judged_wrong: how many of them carry a wrong label.
        quality: how label quality was made, see `QualityModel.method`.
        seconds: wall-clock time of each part.
        notices: what a reader of the results must know.
        corrected: rows of the dataset with a correction.
        carried: rows of a clean copy that were verified before it was made.
    """

    rows: int
    skipped: dict[str, int]
    audited: int
    clean_only: int
    judging: int
    judged_wrong: int
    quality: str
    seconds: dict[str, float]
    notices: tuple[Notice, ...] = ()
    corrected: int = 0
    carried: int = 0

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> FitResult:
        """Take what `dataclasses.asdict` gave; earlier versions kept no notices.

        Raises:
            KeyError, TypeError, ValueError: it is something else.
        """
        notices = tuple(Notice.from_json(notice) for notice in content.get("notices", ()))
        return cls(**{**content, "notices": notices})


@dataclass(frozen=True)
class Record:
    """What a run directory says of itself.

    Args:
        config: what was asked; its device is the one that was taken.
        fingerprint: of the data.
        result: what came of it; None while the fit goes on, or after an interruption.
    """

    config: FitConfig
    fingerprint: str
    result: FitResult | None = None

    def to_json(self) -> dict[str, Any]:
        """Give the content of `run.json`, without schema version and checksum."""
        asked = {"options": self.config.to_json(), "fingerprint": self.fingerprint}
        if self.result is None:
            return {**versions(), "state": "fitting", **asked}
        return {**versions(), **asked, "fitted": asdict(self.result), "state": "fitted"}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Record:
        """Take what `to_json` gave.

        Raises:
            KeyError, TypeError, ValueError: it is something else.
        """
        result = FitResult.from_json(content["fitted"]) if content["state"] == "fitted" else None
        return cls(FitConfig.from_json(content["options"]), content["fingerprint"], result)


def versions() -> dict[str, str]:
    """The versions that a result may depend on, by name."""
    return {"python": platform.python_version(), **{name: _version(name) for name in _PACKAGES}}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"
