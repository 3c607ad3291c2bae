"""Verified labels that look wrong themselves, by networks that never saw their rows."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from noisecleaner.arrays import BoolArray, IntArray
from noisecleaner.errors import listed
from noisecleaner.noise.three_labels import ThreeLabels
from noisecleaner.notices import Notice
from noisecleaner.texts import agreeing

#: The code of the notice that names them.
SUSPECTS = "verified-labels-look-wrong"
#: The network is this certain of another label, and gives the verified one less than the rest, where a row looks wrong.
_CERTAIN = 0.99
_SHOWN = 5


def suspects(judged: ThreeLabels, which: BoolArray) -> IntArray:
    """Find verified rows whose verified label looks wrong, those first of which that is most probable.

    Args:
        judged: all rows, by networks that did not train on them.
        which: those to look at, shape [rows].
    """
    # of rows in which no class is right networks know nothing: they can only name one
    seen = which & judged.verified & judged.known & (judged.trusted >= 0)
    odd = np.flatnonzero(seen & (judged.certainty > _CERTAIN) & (judged.likeliest != judged.trusted))
    return odd[np.argsort(-judged.certainty[odd], kind="stable")]


def suspect_notices(odd: IntArray, *, of: int, ids: pa.ChunkedArray) -> Iterator[Notice]:
    """Say how many verified labels look wrong, and name the first.

    Args:
        odd: the rows, as `suspects` finds them.
        of: verified rows that were looked at.
        ids: sample ids of all rows, shape [rows].
    """
    if len(odd):
        count, names = len(odd), listed(ids.take(odd[:_SHOWN]).to_pylist())
        names = names if count == 1 else f"the most certain: {names}"
        look = agreeing(count, "looks wrong itself", "look wrong themselves")
        yield Notice(
            code=SUSPECTS,
            message=f"{count:,} of {of:,} verified labels {look}: networks that never saw "
            f"{agreeing(count, 'this row', 'these rows')} are at least {_CERTAIN:.0%} certain of another class "
            f"({names}). Look at {agreeing(count, 'it', 'them')} again; how "
            "often verifiers err is measured by `recheck(RUN, count=N)`.",
        )
