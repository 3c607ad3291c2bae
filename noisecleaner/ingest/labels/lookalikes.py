"""Labels that look alike: they differ only in case, blanks, Unicode form, invisible characters or leading zeros."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Mapping, Sequence

from noisecleaner.notices import Notice
from noisecleaner.texts import agreeing

#: Characters that are typed one for the other: quotation marks and dashes.
_TYPED_ALIKE = str.maketrans("‘’‛ʼ´`“”„‐‑‒–—−", "''''''\"\"\"------")
#: What makes two labels one, from what is seen least to what is seen most.
_FORMS: Mapping[str, Callable[[str], str]] = {
    "Unicode form": lambda text: unicodedata.normalize("NFKC", text),
    "invisible characters": lambda text: "".join(c for c in text if unicodedata.category(c) not in ("Cf", "Cc")),
    "quotation marks or dashes": lambda text: text.translate(_TYPED_ALIKE),
    "underscores or hyphens": lambda text: re.sub(r"(?<=\w)-+(?=\w)", " ", text.strip("_").replace("_", "-")),
    "blanks": lambda text: " ".join(text.split()),
    "case": str.casefold,
    "leading zeros": lambda text: re.sub(r"^(-?)0+(?=[0-9])", r"\1", text),
    "a fraction of zero": lambda text: re.sub(r"^(-?[0-9]+)\.0+$", r"\1", text),
}
_SHOWN = 3
_MOST = 5


def folded(label: str) -> str:
    """Reduce a label to what it shares with those that look like it."""
    return unicodedata.normalize("NFKC", _reduced(label, _FORMS))


def difference(label: str, other: str) -> str:
    """Say in what two labels differ that look alike: they differ in case, …; "" where they do not look alike."""
    return _worded(_forms(label, other)) if label != other and folded(label) == folded(other) else ""


def explained(labels: Sequence[str], classes: Collection[str], *, of: str = "the dataset") -> str:
    """Say which unknown labels look like a class, and what the difference is; "" where none does.

    Args:
        labels: none of them is a class.
        classes: the class names.
        of: whose classes they are.
    """
    forms = {folded(name): name for name in classes}
    pairs = [(label, forms[folded(label)]) for label in labels if folded(label) in forms]
    texts = [
        f"{shown(label)} is spelled {shown(name)} in {of} ({difference(label, name)})" for label, name in pairs[:_SHOWN]
    ]
    more = f", and {len(pairs) - _SHOWN} more" if len(pairs) > _SHOWN else ""
    return "; ".join(texts) + more


def alike_notices(classes: Sequence[str], where: object) -> tuple[Notice, ...]:
    """Name the classes that differ from others only in what is hard to see.

    Args:
        classes: the class names.
        where: whose they are.
    """
    groups: dict[str, list[str]] = {}
    for name in classes:
        groups.setdefault(folded(name), []).append(name)
    several = [names for names in groups.values() if len(names) > 1]
    if not several:
        return ()
    texts = [_group(names) for names in several[:_SHOWN]]
    more = f", and {len(several) - _SHOWN} more" if len(several) > _SHOWN else ""
    count = sum(map(len, several))
    return (
        Notice(
            code="classes-look-alike",
            message=f"{count:,} of {len(classes):,} classes of {where} {agreeing(count, 'looks', 'look')} alike and "
            "are classes of their own: "
            f"{'; '.join(texts)}{more}. If they are {len(several):,} and not {count:,}, write one spelling for each.",
        ),
    )


def shown(label: str) -> str:
    """Show a label so that everything in it is seen: quoted, and with escapes for what is not ASCII."""
    return ascii(label)


def _reduced(label: str, forms: Mapping[str, Callable[[str], str]]) -> str:
    for form in forms.values():
        label = form(label)
    return label


def _group(names: Sequence[str]) -> str:
    """Show names that look alike, and in what the others differ from the first."""
    forms = dict.fromkeys(form for name in names[1:] for form in _forms(names[0], name))
    return f"{' and '.join(shown(name) for name in names[:_MOST])} ({_worded(list(forms))})"


def _forms(label: str, other: str) -> list[str]:
    """The fewest forms that make two labels one, where all of them do."""
    needed = dict(_FORMS)
    for name in _FORMS:
        fewer = {key: form for key, form in needed.items() if key != name}
        if _reduced(label, fewer) == _reduced(other, fewer):
            needed = fewer
    return list(needed)


def _worded(forms: Sequence[str]) -> str:
    only = list(forms) == ["Unicode form"]
    return "same letters, other Unicode form" if only else f"they differ in {' and '.join(forms)}"
