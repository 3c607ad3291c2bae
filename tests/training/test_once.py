"""Warnings of folds, said once."""

from __future__ import annotations

from noisecleaner.progress import Progress
from noisecleaner.training.once import Once, merged


def test_texts_that_differ_in_their_numbers_are_one_with_their_range() -> None:
    texts = ["12 of 1,200 rows, and 3.", "9 of 1,200 rows, and 3.", "Something else.", "1,001 of 1,200 rows, and 3."]
    assert list(merged(texts)) == ["9 to 1,001 of 1,200 rows, and 3.", "Something else."]
    assert list(merged(["7", "7"])) == ["7"]


def test_warnings_wait_and_the_rest_is_passed_on() -> None:
    class Listener(Progress):
        said: tuple[str, ...] = ()

        def note(self, text: str) -> None:
            self.said += (f"note {text}",)

        def warn(self, text: str) -> None:
            self.said += (f"warning {text}",)

    listener = Listener()
    once = Once(listener)
    once.warn("fold 1")
    once.note("b")
    once.warn("fold 2")
    assert listener.said == ("note b",)
    once.release()
    once.release()
    assert listener.said == ("note b", "warning fold 1 to 2")
