"""A sheet and the pictures of its rows -> one page of HTML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from noisecleaner.ingest import Skip
from noisecleaner.pages.frame import Frame, environment, mark, template
from noisecleaner.review.pictures import Picture
from noisecleaner.review.sheet import Kind, Sheet
from noisecleaner.texts import counted, tally

_HERE = "noisecleaner.review"
#: Stands at the beginning of each page: what has it may be replaced by another.
MARK = mark("review")
#: One behind the other: the last one uses what those before it name.
_SCRIPTS = ("csv.js", "answers.js", "person.js", "classes.js", "images.js", "table.js", "review.js")
_TITLES = {Kind.AUDIT: "Verify labels", Kind.RECHECK: "Second look", Kind.FIX: "Correct labels"}


@dataclass(frozen=True, kw_only=True)
class Leaf:
    """One of the pages that a sheet is shown on.

    Args:
        sheet: all that is asked.
        pictures: place in the rows of the sheet -> its image, or why there is none; in the order in which they are
            shown.
        prints: likewise -> the print of its image, of all pages.
        missing: places of the rows that have none, of all pages.
        number: of the page, from 1.
        of: pages.
        policy: where images may come from.
        back: what takes the answers back, in the words of whoever reads it.
    """

    sheet: Sheet
    pictures: Mapping[int, Picture | Skip]
    prints: Mapping[int, str]
    missing: Sequence[int]
    number: int
    of: int
    policy: str
    back: str

    @property
    def shown(self) -> list[int]:
        """Places of the rows that have an image."""
        return [place for place, picture in self.pictures.items() if not isinstance(picture, Skip)]

    @property
    def lost(self) -> dict[str, int]:
        """Reasons for which rows have none, and of how many."""
        reasons = [picture.value.replace("_", " ") for picture in self.pictures.values() if isinstance(picture, Skip)]
        return {reason: reasons.count(reason) for reason in sorted(set(reasons))}

    @property
    def table(self) -> str:
        """How the table of the answers is called."""
        return f"{self.sheet.kind.table}.csv"

    def html(self) -> str:
        """Make the page. Equal leaves give equal bytes."""
        kind = self.sheet.kind
        part = f" ({self.number} of {self.of})" if self.of > 1 else ""
        frame = Frame(
            mark=MARK,
            title=_TITLES[kind] + part,
            style=template(_HERE, "review.css"),
            script="".join(template(_HERE, name) for name in _SCRIPTS),
            foot=". This page needs no network: answers stay in this browser until you save them.",
            pictures=self.policy,
        )
        return frame.around(environment(_HERE).get_template("review.html.j2").render(**self._told(part)))

    def _told(self, part: str) -> dict[str, Any]:
        sheet = self.sheet
        return {
            "kind": sheet.kind.value,
            "heading": _TITLES[sheet.kind] + part,
            "asides": [text for text in (sheet.aside, self._lost()) if text],
            "data": self._data(),
            "pictures": [one.address for one in self.pictures.values() if isinstance(one, Picture)],
            "shown": len(self.shown),
            "classes": len(sheet.classes),
            "none_label": sheet.none_label,
            "table": self.table,
            "part": f"{sheet.kind.table}-{self.number}.csv",
            "pages": self.of,
            "back": self.back.strip("`"),
            "linked": self.policy != "data:",
        }

    def _lost(self) -> str:
        """Say how many rows cannot be shown."""
        count = sum(self.lost.values())
        if not count:
            return ""
        left = (
            "they are not in the file"
            if self.sheet.kind is Kind.FIX
            else "they stand in the file without label and name, because nobody looked"
        )
        return f"{counted(count, 'image')} cannot be read ({tally(self.lost)}): {left}."

    def _data(self) -> dict[str, Any]:
        """What the script reads."""
        sheet = self.sheet
        return {
            "kind": sheet.kind.value,
            "key": sheet.key,
            "classes": list(sheet.classes),
            "none": sheet.none_label,
            "column": sheet.kind.column,
            "weighed": any(getattr(row, "probability", None) is not None for row in sheet.rows),
            "by": sheet.by.replace("_", " "),
            "rows": [row.to_json() for row in sheet.rows],
            "shown": self.shown,
            "prints": [self.prints.get(place, "") for place in range(len(sheet.rows))],
            "lost": sorted(self.missing),
            "table": sheet.kind.table,
            "page": self.number,
            "pages": self.of,
        }
