"""Any texts become file names that differ."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from noisecleaner.export.file_names import safe_names

TEXTS = st.one_of(
    st.text(max_size=12),
    st.text(st.sampled_from("aAß./\\: \0\n-2é\u0301İK"), max_size=6),
    st.text(st.sampled_from("日a. "), min_size=170, max_size=300),
    st.sampled_from(["", ".", "..", "con", "CON.txt", "nul", "a", "a-2", "A-2", "a-3", "Lpt1", "_"]),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(TEXTS, max_size=30))
@example(["a", "a", "a-2", "A", "a"])
@example(["a" * 179 + " b"])
@example(["日" * 200] * 3)
def test_safe_names_are_different_file_names(texts: list[str]) -> None:
    made = safe_names(texts)
    assert len(made) == len(texts)
    for form in ("NFC", "NFD"):
        assert len({unicodedata.normalize(form, name).casefold() for name in made}) == len(made)
    for name in made:
        assert name
        assert not set(name) & set('/\\:*?"<>|\0\n\r\t')
        assert all(letter.isprintable() or unicodedata.category(letter) == "Zs" for letter in name)
        assert not name.startswith((".", " "))
        assert not name.endswith((".", " "))
        assert name.split(".")[0].lower() not in ("con", "prn", "aux", "nul", "com1", "lpt1")
        assert len(name.encode()) <= 200


@settings(max_examples=50, deadline=None)
@given(st.lists(TEXTS, max_size=20))
def test_safe_names_do_not_depend_on_how_many_are_asked_for_at_once(texts: list[str]) -> None:
    used: dict[str, int] = {}
    assert [name for text in texts for name in safe_names([text], used)] == safe_names(texts)


def test_a_name_that_is_safe_and_free_stays_as_it_is() -> None:
    plain = [
        "cat",
        "Große Katze",
        "n02123045",
        "IMG_0001 (1)",
        "a.b",
        "猫",
        "cafe\u0301",
        "हिन्दी",
        "at 3.15\u202fPM",
        "🐈",
    ]
    plain += ["a&b", "it's", "[v1] #3, 50 %", "~x!;{y}$"]
    assert safe_names(plain) == plain
    assert safe_names(["a/b", "a", "a", "A", "a"]) == ["a_b", "a", "a-2", "A-3", "a-4"]


def test_many_equal_names_take_no_time() -> None:
    made = safe_names(["image"] * 30_000)
    assert made[:3] == ["image", "image-2", "image-3"]
    assert len(set(made)) == 30_000


@pytest.mark.parametrize(("one", "other"), [("é", "e\u0301"), ("É", "e\u0301"), ("STRASSE", "straße"), ("a", "A")])
def test_names_that_a_file_system_takes_for_one_differ(one: str, other: str) -> None:
    assert safe_names([one, other]) == [one, f"{other}-2"]
