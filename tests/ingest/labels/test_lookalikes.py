"""What looks alike is named, with the difference; what only resembles is not."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from noisecleaner.ingest.labels.lookalikes import alike_notices, difference, explained, folded
from noisecleaner.notices import Severity

PAIRS = [
    ("cat", "Cat", "they differ in case"),
    ("cat", "cat ", "they differ in blanks"),
    ("hot  dog", "hot dog", "they differ in blanks"),
    ("hot\u00a0dog", "hot dog", "they differ in blanks"),
    ("Cat ", "cat", "they differ in blanks and case"),
    ("hot_dog", "hot dog", "they differ in underscores or hyphens"),
    ("non-toxic", "non toxic", "they differ in underscores or hyphens"),
    ("caf\u00e9", "cafe\u0301", "same letters, other Unicode form"),
    ("\uff21", "A", "same letters, other Unicode form"),
    ("Caf\u00e9", "cafe\u0301", "they differ in Unicode form and case"),
    ("cat\u200b", "cat", "they differ in invisible characters"),
    ("\ufeffcat", "cat", "they differ in invisible characters"),
    ("it\u2019s", "it's", "they differ in quotation marks or dashes"),
    ("07", "7", "they differ in leading zeros"),
    ("7.0", "7", "they differ in a fraction of zero"),
]


@pytest.mark.parametrize(("one", "other", "says"), PAIRS, ids=[ascii(pair[:2]) for pair in PAIRS])
def test_the_difference_is_said_and_nothing_more(one: str, other: str, says: str) -> None:
    assert difference(one, other) == says
    assert difference(other, one) == says


@pytest.mark.parametrize(
    ("one", "other"), [("cat", "cats"), ("B", "B-"), ("B", "B+"), ("1", "-1"), ("ab", "a b"), ("a", "a"), ("10", "100")]
)
def test_what_is_another_word_does_not_look_alike(one: str, other: str) -> None:
    assert difference(one, other) == ""
    assert one == other or folded(one) != folded(other)


@given(st.text(max_size=12))
def test_a_text_looks_like_its_other_forms(text: str) -> None:
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        other = unicodedata.normalize(form, text)
        assert folded(other) == folded(text)
        assert bool(difference(text, other)) == (text != other)


def test_unknown_labels_are_explained_by_the_classes_that_they_look_like() -> None:
    assert explained(["caf\u00e9", "fox"], ("cafe\u0301", "dog")) == (
        "'caf\\xe9' is spelled 'cafe\\u0301' in the dataset (same letters, other Unicode form)"
    )
    assert explained(["Dog", "DOG", "dog ", "dOg"], ("dog",), of="the run").endswith(
        "'dog ' is spelled 'dog' in the run (they differ in blanks), and 1 more"
    )
    assert explained(["fox"], ("dog",)) == ""


def test_classes_that_look_alike_are_named_with_what_cannot_be_seen() -> None:
    (notice,) = alike_notices(["cat", "Cat", "cat ", "dog", "fox"], "d.csv")
    assert (notice.code, notice.severity) == ("classes-look-alike", Severity.WARNING)
    assert notice.message == (
        "3 of 5 classes of d.csv look alike and are classes of their own: 'cat' and 'Cat' and 'cat ' (they differ in "
        "case and blanks). If they are 1 and not 3, write one spelling for each."
    )
    assert alike_notices(["cat", "dog", "B", "B-", "1", "-1"], "d.csv") == ()
