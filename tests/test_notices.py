from __future__ import annotations

import pytest

from noisecleaner.notices import Notice, Severity, void
from noisecleaner.progress import Progress

NOTE = Notice(code="joined-by-name", message="150 images were joined by name.", severity=Severity.NOTE)
WARNING = Notice(code="few", message="Few rows.")
VOID = Notice(code="not-random", message="No sample.", severity=Severity.VOID)


@pytest.mark.parametrize("notice", [NOTE, WARNING, VOID])
def test_a_notice_comes_back_as_it_was(notice: Notice) -> None:
    assert Notice.from_json(notice.to_json()) == notice


@pytest.mark.parametrize(
    "content", [{}, {"code": 1, "message": "x", "severity": "note"}, {**NOTE.to_json(), "severity": "loud"}]
)
def test_what_is_no_notice_is_refused(content: dict[str, object]) -> None:
    with pytest.raises((KeyError, ValueError)):
        Notice.from_json(content)


def test_one_void_notice_is_enough() -> None:
    assert void([NOTE, WARNING, VOID])
    assert not void([NOTE, WARNING])


def test_notes_are_noted_and_the_rest_is_warned_of() -> None:
    class Listener(Progress):
        def __init__(self) -> None:
            self.heard: list[tuple[str, str]] = []

        def note(self, text: str) -> None:
            self.heard.append(("note", text))

        def warn(self, text: str) -> None:
            self.heard.append(("warning", text))

    listener = Listener()
    for notice in (NOTE, WARNING, VOID):
        listener.tell(notice)
    assert listener.heard == [("note", NOTE.message), ("warning", WARNING.message), ("warning", VOID.message)]
