"""What second looks at verified rows tell: how often verifiers err, and whether the rates can be moved by it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, NamedTuple

from noisecleaner.arrays import UNVERIFIED
from noisecleaner.errors import listed
from noisecleaner.ingest.verified.second_looks import LEAST_WRONG
from noisecleaner.noise.looks import Looks
from noisecleaner.noise.randomness import picked_by_looks
from noisecleaner.noise.rate import Rate, percent
from noisecleaner.noise.verifiers import VerifierErrors
from noisecleaner.notices import Notice, Severity

#: The notice that tells how far both looks agree.
SECOND_LOOKS = "second-looks"
#: Second looks below which nobody knows how often verifiers err.
_LEAST = 20
#: Kappa that looks at the same rows exceed.
_RELATED = 0.4
_SHOWN = 3


class SecondLooks(NamedTuple):
    """Verified rows that were looked at twice.

    Args:
        looks: at those that judge.
        errors: of the verifiers; None where they cannot be told.
        reason: why not; empty where they can.
        void: whether the two cannot both be looks at these rows, so that no rate stands on either.
    """

    looks: Looks
    errors: VerifierErrors | None
    reason: str = ""
    void: bool = False

    def to_json(self) -> dict[str, Any]:
        """Describe it as a JSON object."""
        looks, errors = self.looks, self.errors
        return {
            "rows": len(looks),
            "agree": int(looks.agree.sum()),
            "kappa": None if math.isnan(looks.kappa) else looks.kappa,
            "wrong": asdict(errors.wrong) if errors else None,
            "misses": asdict(errors.misses) if errors else None,
        }

    def notice(self, disputed: Sequence[str], *, seen: Rate, moved: Rate) -> Notice:
        """Say how far both looks agree, and what was made of it.

        Args:
            disputed: ids of the rows at which they do not.
            seen: share of labels that first looks call wrong.
            moved: share of wrong labels that was made of it.
        """
        looks, apart = self.looks, len(self.looks) - int(self.looks.agree.sum())
        kappa = "" if math.isnan(looks.kappa) else f", Cohen's kappa {looks.kappa:.2f}"
        agree = f"{len(looks) - apart:,} of {len(looks):,} verified rows that were looked at twice"
        told = f"Both looks agree at {agree} ({percent(1 - apart / len(looks))}{kappa})."
        if apart:
            told += f" The others (such as {listed(list(disputed[:_SHOWN]), _SHOWN)}) calibrate nothing."
        if self.void:
            told += f" {self.reason} No rate stands on either: leave those second looks out, or mend them."
            return Notice(code=SECOND_LOOKS, message=told, severity=Severity.VOID)
        if self.errors is None:
            told += f" The rates trust the first look: {self.reason}. Draw rows for it with `recheck(RUN, count=N)`."
        else:
            told += (
                f" First looks are wrong in {self.errors.wrong.words()}; of the wrong labels, they call "
                f"{self.errors.misses.words()} right. Corrected for that, the noise is {moved.words()}, not "
                f"{seen.words()}; rates of classes and of what is kept follow."
            )
        return Notice(code=SECOND_LOOKS, message=told, severity=Severity.WARNING if apart else Severity.NOTE)


def _copied(twice: Looks) -> bool:
    """Whether second looks are nothing but the given labels."""
    called_wrong = int((twice.first != twice.given).sum())
    return called_wrong >= LEAST_WRONG and bool((twice.second == twice.given).all())


def recheck(looks: Looks) -> SecondLooks | None:
    """Measure how often verifiers err.

    Args:
        looks: at all rows that were verified as a part of a sample, and judge; `second` is `UNVERIFIED` where nobody
            looked again.

    Returns:
        None where nobody looked again at any of them.
    """
    again = looks.second != UNVERIFIED
    twice = looks.only(again)
    if not len(twice):
        return None
    if _copied(twice):
        reason = "All second looks repeat the given label, also where the first look saw another one."
        return SecondLooks(twice, None, reason, void=True)
    if len(twice) >= _LEAST and twice.kappa_at_most < _RELATED:
        reason = "Looks at the same rows agree far more often: one of the two holds labels of other rows, or no looks."
        return SecondLooks(twice, None, reason, void=True)
    if len(twice) < _LEAST:
        return SecondLooks(twice, None, f"from fewer than {_LEAST} rows nobody can tell how often verifiers err")
    if picked_by_looks(1 - looks.expected, again) is not None:
        reason = "those rows cannot be a random part of the verified ones, so that they do not tell how verifiers err"
        return SecondLooks(twice, None, reason)
    return SecondLooks(twice, VerifierErrors.measure(twice))
