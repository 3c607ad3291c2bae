"""What a reader must know beside the numbers: it is said when it is found, and travels into every output."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

#: The code of the notice that says that new rows are unlike the fitted ones.
UNLIKE = "rows-unlike-fitted"


class Severity(StrEnum):
    """What a notice does to the numbers beside it."""

    NOTE = "note"  # how something was read or chosen
    WARNING = "warning"  # the numbers may be worse than they look
    VOID = "void"  # what is there measures nothing: no rate and no interval stands on it


@dataclass(frozen=True, kw_only=True)
class Notice:
    """One thing that must be said.

    Args:
        code: what it is about, for machines: small letters and hyphens.
        message: a paragraph: what was found, with numbers, and what to do.
        severity: what it does to the numbers.
    """

    code: str
    message: str
    severity: Severity = Severity.WARNING

    def to_json(self) -> dict[str, str]:
        """Describe the notice as a JSON object."""
        return {"code": self.code, "severity": self.severity.value, "message": self.message}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Notice:
        """Bring back what `to_json` described.

        Raises:
            KeyError, TypeError, ValueError: it is no such thing.
        """
        code, message = content["code"], content["message"]
        if not isinstance(code, str) or not isinstance(message, str):
            raise ValueError("a notice is no text")
        return cls(code=code, message=message, severity=Severity(content["severity"]))


def doubts(notices: Iterable[Notice]) -> tuple[Notice, ...]:
    """Choose what stands beside the numbers, wherever they are told: all but notes."""
    return tuple(notice for notice in notices if notice.severity is not Severity.NOTE)


def void(notices: Iterable[Notice]) -> bool:
    """Whether one of the notices says that verified rows measure nothing."""
    return any(notice.severity is Severity.VOID for notice in notices)
