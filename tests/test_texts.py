"""A user's text is safe for whoever reads it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from noisecleaner.texts import (
    agreeing,
    bytes_in_words,
    cell,
    counted,
    inert,
    json_text,
    legible,
    parsed_json,
    printable,
    shortened,
    tally,
    uncell,
)


@given(st.text())
def test_what_is_printed_of_a_users_text_has_no_control_characters(text: str) -> None:
    shown = printable(text)
    assert len(shown) == len(text)
    assert not any(ord(c) < 32 or 127 <= ord(c) < 160 or c in "\u202e\u2066\u200b" for c in shown)


def test_letters_of_all_writings_stay() -> None:
    assert printable("Grüße, 猫 → dog 🐕") == "Grüße, 猫 → dog 🐕"
    assert printable(Exception("a\tb")) == "a\ufffdb"


@given(st.text(), st.integers(1, 50))
def test_a_shortened_text_is_a_beginning_of_at_most_so_many_characters(text: str, most: int) -> None:
    short = shortened(text, most)
    assert len(short) <= most
    assert short == text or (short.endswith("…") and text.startswith(short[:-1]) and len(text) > most)


@pytest.mark.parametrize(("text", "short"), [("abc", "abc"), ("abcd", "ab…"), ("", "")])
def test_a_text_is_cut_after_so_many_characters(text: str, short: str) -> None:
    assert shortened(text, 3) == short


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("No class 'cat', but 'dog'.", "No class 'cat', but 'dog'."),
        (f"No class {'x' * 5000} here.", f"No class {'x' * 199}… here."),
        (f"No class '{'a b ' * 2000}' here.", f"No class '{('a b ' * 2000)[:198]}… here."),
        (f"In {'/folder' * 50} and don't {'stop ' * 60}won't.", f"In {'/folder' * 50} and don't {'stop ' * 60}won't."),
        ("a\tb " * 2000, ("a\ufffdb " * 2000)[:3999] + "…"),
    ],
)
def test_a_message_is_as_short_as_a_person_reads_it(text: str, shown: str) -> None:
    assert legible(text) == shown


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ({}, ""),
        ({"horse": 1200}, "'horse' 1,200"),
        ({"a": 3, "b": 2}, "'a' 3; 'b' 2"),
        (dict.fromkeys("abcde", 1), "'a' 1; 'b' 1; 'c' 1; 'd' 1; 'e' 1"),
        (dict.fromkeys("abcdefg", 1), "'a' 1; 'b' 1; 'c' 1; 'd' 1; 'e' 1; and 2 more"),
        ({"x" * 100: 1}, f"'{'x' * 79}…' 1"),
    ],
)
def test_the_first_names_of_a_tally_are_told_with_their_numbers(counts: dict[str, int], words: str) -> None:
    assert tally(counts) == words


def test_numbers_and_nouns_agree() -> None:
    assert [counted(number, "row") for number in (0, 1, 2, 1200)] == ["0 rows", "1 row", "2 rows", "1,200 rows"]
    assert [counted(number, "new class", "new classes") for number in (1, 2)] == ["1 new class", "2 new classes"]
    assert [agreeing(number) for number in (0, 1, 2)] == ["are", "is", "are"]
    assert agreeing(1, "carries", "carry") == "carries"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("=1+1", "'=1+1"),
        ("@a", "'@a"),
        ("-1", "-1"),
        ("+4.5", "+4.5"),
        ("-1+2", "'-1+2"),
        ("a=b", "a=b"),
        ("", ""),
        ("\tx", "'\tx"),
        ("\rx", "'\rx"),
        ("＝1", "'＝1"),
        ("'=1", "''=1"),
        ("'tis", "'tis"),
    ],
)
def test_a_spreadsheet_runs_no_cell(text: str, shown: str) -> None:
    assert cell(text) == shown


@given(st.text(st.sampled_from("'=+-@\t1a.")) | st.text())
def test_what_a_cell_held_can_be_told(text: str) -> None:
    assert uncell(cell(text)) == text


def test_json_for_machines_is_ascii() -> None:
    text = json_text({"grün": ["\udc80", {"a": 1.5}], "none": None})
    assert text.isascii()
    assert json.loads(text) == {"grün": ["?", {"a": 1.5}], "none": None}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("::error::no", "\\::error::no"),
        ("  ::add-mask::x", "  \\::add-mask::x"),
        ("one\n::stop-commands::x", "one\n\\::stop-commands::x"),
        ("cat ##[error]no", "cat #\\#[error]no"),
        ("##vso[task.complete result=Succeeded;]", "#\\#vso[task.complete result=Succeeded;]"),
        ("##teamcity[buildStop]", "#\\#teamcity[buildStop]"),
        ("a::b # ## heading", "a::b # ## heading"),
    ],
)
def test_no_text_is_a_command_to_a_log(text: str, shown: str) -> None:
    assert inert(text) == shown
    assert inert(shown) == shown


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, "{", b"\xff", "", "1" * 5000])
def test_json_of_anybody_is_read_or_refused_in_one_way(text: str | bytes) -> None:
    with pytest.raises(ValueError, match=r"deeply|Expecting|codec|digits"):
        parsed_json(text)
    assert parsed_json('{"a": [1]}') == {"a": [1]}


def test_bytes_are_told_in_units_that_fit() -> None:
    told = [bytes_in_words(size) for size in (0, 1, 999, 47_000, 23_800_000, 1_500_000_000, 2e12)]
    assert told == ["0 bytes", "1 byte", "999 bytes", "47.0 kB", "23.8 MB", "1.5 GB", "2,000.0 GB"]
