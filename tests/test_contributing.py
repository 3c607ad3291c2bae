"""CONTRIBUTING's map is the one that the tests hold, and what it names is there."""

from __future__ import annotations

import re
from pathlib import Path

from test_layering import TABLE, WITHOUT_TORCH

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / ".github" / "CONTRIBUTING.md").read_text("utf-8")
#: Line, asterisk where torch stays out, room, what it may import.
ROWS = re.findall(r"^\| (\d+) \| (\*?)`(\w+)`\*? \| .+ \| ?(.*) \|$", TEXT, flags=re.MULTILINE)


def test_the_map_is_the_table_of_the_layering_test() -> None:
    """Rooms that are planned, and not built yet, have no line."""
    built = {file.stem for file in (ROOT / "noisecleaner").iterdir()}
    expected = []
    for line, rooms in enumerate(TABLE.strip().splitlines(), 1):
        for part in rooms.split("|"):
            name, colon, others = part.partition(":")
            only = " ".join(f"`{other}`" for other in others.split()) or "nothing"
            expected.append((str(line), name.strip(), only if colon else ""))
    assert [(line, room, only) for line, _, room, only in ROWS] == [row for row in expected if row[1] in built]


def test_the_torch_border_is_the_one_of_the_layering_test() -> None:
    rooms = {room for _, _, room, _ in ROWS}
    assert {room for _, asterisk, room, _ in ROWS if asterisk} == WITHOUT_TORCH & rooms


def test_what_it_names_is_there() -> None:
    """`PATH::NAME` is a class or a function of a file."""
    paths = re.findall(r"`((?:noisecleaner|tests|\.ci)/[^`\s]*)`", TEXT)
    assert len(paths) > 40
    for path, _, name in (path.partition("::") for path in paths if path.isascii()):
        if "FOLDER" in path:
            continue
        assert (ROOT / path).exists(), path
        assert not name or re.search(rf"^(class|def) {name}\b", (ROOT / path).read_text("utf-8"), re.MULTILINE), name


def test_every_folder_of_plug_ins_has_its_line() -> None:
    """Such a folder is one whose files the registry reads by name."""
    sources = [file.read_text("utf-8") for file in (ROOT / "noisecleaner").rglob("*.py")]
    folders = {name for text in sources for name in re.findall(r'(?:names_in|plug_ins|_in)\("([\w.]+)"', text)}
    assert folders
    for folder in folders:
        assert f"`noisecleaner/{folder.replace('.', '/')}/` |" in TEXT, folder
