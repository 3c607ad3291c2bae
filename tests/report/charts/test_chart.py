"""The pieces of SVG escape what is put in, and say what they are."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from noisecleaner.report.charts._chart import Axes, drawing, named, words

NAME = "</text><script>&\"'"


def test_a_drawing_is_whole_and_has_title_and_description() -> None:
    svg = drawing("own", NAME, NAME, height=20, parts=[words(NAME, 1, 2)])
    root = ElementTree.fromstring(str(svg))  # noqa: S314  # our own text
    assert root.attrib["role"] == "img"
    assert root.attrib["aria-labelledby"] == "own-t own-d"
    title, description, text = root
    assert [title.attrib["id"], description.attrib["id"]] == ["own-t", "own-d"]
    assert title.text == description.text == text.text == NAME


def test_axes_put_shares_at_their_places() -> None:
    axes = Axes(left=10, right=110, top=0, bottom=200)
    assert axes.at(0, 0) == (10, 200)
    assert axes.at(1, 1) == (110, 0)
    assert axes.at(0.5, 0.25) == (60, 150)


@pytest.mark.parametrize(
    ("label", "shown"), [(None, "(none)"), ("cat", "cat"), ("x" * 99, "x" * 16 + "…"), ("a\u202eb", "a\ufffdb")]
)
def test_names_are_short_and_move_nothing_about(label: str | None, shown: str) -> None:
    assert named(label) == shown
