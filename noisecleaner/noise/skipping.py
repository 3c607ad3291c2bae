"""Whether whoever verified rows left out those in doubt: rates of the rows that remain are those of the easy ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from noisecleaner.arrays import BoolArray, FloatArray, IntArray, RealArray
from noisecleaner.noise.randomness import LEAST_P
from noisecleaner.noise.rate import percent
from noisecleaner.noise.sampling import unequal
from noisecleaner.notices import Notice

#: Notices that say that rates may be off.
DOUBTFUL = ("doubtful-rows-skipped", "doubtful-rows-preferred")
#: Probabilities with which an honest sample is called into question, by comparison with all rows and, where a table of
#: verified labels has empty cells, with the rows that these stand in.
_SAMPLE_P, _EMPTY_P = 0.03, 0.015
#: Parts of the rows, those in most doubt first, of which is counted how many were verified.
_PARTS = np.array([0.01, 0.015, 0.02, 0.03, 0.04, 0.06, 0.08, 0.11, 0.15, 0.2, 0.27, 0.35, 0.5, 0.7])
#: The least part where rows stand for unequal parts of the dataset, and a small one may hang on a single row.
_LEAST_WEIGHTED = 0.05
_DRAWS, _BLOCK = 9_999, 1_111
#: Standard deviations beyond which labels that look wrong were preferred, where a part of the rows is odd already.
_FAR = 3
#: Rows that tell well enough how much doubt there is.
_MOST = 200_000
#: Rows of which those at some places are looked up together.
_ROWS = 2**20


@dataclass(frozen=True, kw_only=True)
class Verifiable:
    """Rows that could have been verified; every array has the shape [rows].

    Args:
        quality: label quality by models that knew as much of verified rows as of others, NaN where a row has none.
        verified: rows that shall be a random sample.
        asked: rows of a table of verified labels, filled in or left empty; which of both shall not hang on their looks.
        probability: with which a row was drawn to be verified; NaN, or equal for all verified rows, where these are a
            plain random sample.
    """

    quality: RealArray
    verified: BoolArray
    asked: BoolArray
    probability: FloatArray

    @property
    def known(self) -> BoolArray:
        """Rows with a quality, shape [rows]."""
        return np.isfinite(self.quality)

    @property
    def drawn(self) -> BoolArray:
        """Verified rows with a quality and a probability, shape [rows]."""
        drawn: BoolArray = self.known & self.verified & np.isfinite(self.probability)
        return drawn

    def fewer(self) -> Verifiable:
        """Return the same with at most `_MOST` of the rows that nobody was asked to verify, drawn at random."""
        others = self.known & ~self.verified & ~self.asked
        count = int(others.sum())
        if count <= _MOST:
            return self
        kept = _rows_at(others, np.random.default_rng(0).choice(count, _MOST, replace=False))
        rows = np.sort(np.concatenate([np.flatnonzero(self.known & (self.verified | self.asked)), kept]))
        return Verifiable(
            quality=self.quality[rows],
            verified=self.verified[rows],
            asked=self.asked[rows],
            probability=self.probability[rows],
        )


@dataclass(frozen=True, kw_only=True)
class Part:
    """The part of the rows in most doubt of which more or fewer were verified than of any other.

    Args:
        skipped: whether fewer were verified than of a random sample.
        p_value: how often a random sample has a part that differs as much.
        words: what was found, a sentence.
    """

    skipped: bool
    p_value: float
    words: str

    @classmethod
    def of(cls, *, skipped: bool, p_value: float, counted: str, asked: bool = False) -> Part:
        """Word what was found, and how often chance does that: a fact is only what it hardly ever does.

        Args:
            skipped: whether fewer were verified than of a random sample.
            p_value: how often a random sample has a part that differs as much.
            counted: how many were verified, for the words.
            asked: whether all of these rows were to be verified: then none can have been added.
        """
        verb = "were" if p_value < LEAST_P else "may have been"
        fewer = "skipped" if asked else "skipped, or surer ones added"
        what = f"Rows in doubt {verb} {fewer if skipped else 'verified more often than others'}"
        return cls(skipped=skipped, p_value=p_value, words=f"{what}: {counted} ({_by_chance(p_value)}).")


def odd_part(rows: Verifiable) -> Part | None:
    """Find where rows in doubt were left out, or verified more often than others; None where chance may have done that.

    Args:
        rows: those that could have been verified.
    """
    rows = rows.fewer()
    tests = [(_EMPTY_P, _among_asked(rows)), (_SAMPLE_P, _everywhere(rows))]
    found = [part for level, part in tests if part is not None and part.p_value <= level]
    return min(found, key=lambda part: part.p_value, default=None)


def no_sample(picked: str | None, part: Part | None) -> str | None:
    """Say why verified rows can be no random sample; None where they can.

    Args:
        picked: what other tests have found, see `picked_by_looks`.
        part: what `odd_part` has found.
    """
    if part is None or (picked is None and part.p_value >= LEAST_P):
        return picked
    return part.words if picked is None else f"{part.words} {picked}"


def may_be_off(part: Part) -> Notice:
    """Say that rates may be off.

    Args:
        part: what `odd_part` has found, which chance may yet have done.
    """
    return Notice(
        code=DOUBTFUL[0] if part.skipped else DOUBTFUL[1],
        message=f"{part.words} Wrong labels are more frequent among rows in doubt, so noise rates and thresholds may "
        "be off. Verify every row that was drawn, and write none where no class fits.",
    )


def _everywhere(rows: Verifiable) -> Part | None:
    """Compare verified rows with all rows."""
    if unequal(rows.probability[rows.drawn]):
        return drawn_part(rows.quality, verified=rows.drawn, probability=rows.probability)
    return sampled_part(rows.quality[rows.known], rows.verified[rows.known])


def _among_asked(rows: Verifiable) -> Part | None:
    """Compare rows of a table of verified labels that were filled in with those that were not."""
    asked = rows.known & rows.asked
    return sampled_part(rows.quality[asked], rows.verified[asked], of="of the table of verified labels ")


def sampled_part(quality: RealArray, verified: BoolArray, of: str = "") -> Part | None:
    """Compare the doubt about verified rows with that about all rows; None where there is nothing to compare.

    Counts in parts of the rows are compared on the scale on which their deviation is about 1 (Anscombe, 1948); the
    p-value of the largest difference is that of random draws without replacement.

    Args:
        quality: of all rows, finite, shape [rows].
        verified: which shall be a random sample of them, shape [rows].
        of: what they are rows of, for the words.
    """
    count, sample = len(quality), int(verified.sum())
    ends = np.unique(np.round(_PARTS * count).astype(np.int64))
    ends = ends[(ends > 0) & (ends < count)]
    if not 0 < sample < count or not len(ends):
        return None
    cells = np.searchsorted(ends, _places(quality), side="right")
    sizes, seen = np.bincount(cells, minlength=len(ends) + 1), np.bincount(cells[verified], minlength=len(ends) + 1)
    differences = _differences(seen, ends=ends, count=count)
    worst, rng, further = np.abs(differences).max(), np.random.default_rng(0), 1
    for _ in range(_DRAWS // _BLOCK):
        draws = rng.multivariate_hypergeometric(sizes, sample, _BLOCK)
        further += int((np.abs(_differences(draws, ends=ends, count=count)).max(axis=1) >= worst - 1e-9).sum())
    place = int(np.abs(differences).argmax())
    share = float(ends[place] / count)
    if differences[place] < 0 and (looks := _look_wrong(quality, verified)) is not None:
        return Part(skipped=False, p_value=further / (_DRAWS + 1), words=looks)
    return Part.of(
        skipped=bool(differences[place] < 0),
        p_value=further / (_DRAWS + 1),
        counted=f"of the {percent(share)} of the rows {of}that the scores are least sure of, "
        f"{np.cumsum(seen)[place]:,} were verified, where a random sample of {sample:,} has about "
        f"{share * sample:,.0f}",
        asked=bool(of),
    )


def _look_wrong(quality: RealArray, verified: BoolArray) -> str | None:
    """Say so where no doubt was avoided, but labels that are surely wrong were preferred; None where they were not."""
    wrong, sample = quality < 0.5, int(verified.sum())
    seen, share = int((wrong & verified).sum()), float(wrong.mean())
    if seen - share * sample < _FAR * np.sqrt(sample * share * (1 - share)) or not seen:
        return None
    return (
        f"Rows whose labels look wrong were verified far more often than others: {seen:,} of the {sample:,} verified "
        f"rows have a label quality below 0.5, where a random sample has about {share * sample:,.0f}."
    )


def _by_chance(p_value: float) -> str:
    """Word how often an honest sample looks so."""
    return f"chance does that in about {100 * p_value:.1g} of 100 honest samples"


def drawn_part(quality: RealArray, *, verified: BoolArray, probability: FloatArray) -> Part | None:
    """Compare the doubt about rows that were drawn with known probabilities with that about all rows.

    The share of each part of the rows is estimated from the drawn ones (Hájek, 1971); the p-value of the largest
    difference is that of a normal deviate, times the number of parts (Bonferroni). None where there is nothing to
    compare.

    Args:
        quality: of all rows, NaN where a row has none, shape [rows].
        verified: rows with a quality that were drawn and verified, shape [rows].
        probability: with which each was drawn, shape [rows].
    """
    if not verified.any():
        return None
    known = np.isfinite(quality)
    places = np.full(len(quality), np.nan)
    places[known] = (_places(quality[known]) + 0.5) / known.sum()
    chance, shares = probability[verified], _PARTS[_PARTS >= _LEAST_WEIGHTED]
    inside = places[verified][:, None] < shares
    stands_for = 1 / chance
    estimates = stands_for @ inside / stands_for.sum()
    variance = ((1 - chance) * stands_for**2) @ (inside - shares) ** 2 / stands_for.sum() ** 2
    if not (variance > 0).all():
        return None
    deviates = (estimates - shares) / np.sqrt(variance)
    place = int(np.abs(deviates).argmax())
    return Part.of(
        skipped=bool(deviates[place] < 0),
        p_value=min(1.0, 2 * len(shares) * float(special.ndtr(-abs(deviates[place])))),
        counted=f"the {percent(shares[place], '.0f')} of the rows that the scores are least sure of are "
        f"{percent(estimates[place])} of what the {len(chance):,} verified rows stand for",
    )


def _rows_at(chosen: BoolArray, places: IntArray) -> IntArray:
    """The numbers of rows at some places among those that are chosen, ascending; there may be ten million.

    Args:
        chosen: shape [rows].
        places: in [0, chosen rows), in any order, shape [n].
    """
    places, found, before = np.sort(places), [], 0
    for first in range(0, len(chosen), _ROWS):
        rows = first + np.flatnonzero(chosen[first : first + _ROWS])
        start, end = np.searchsorted(places, (before, before + len(rows)))
        found.append(rows[places[start:end] - before])
        before += len(rows)
    return np.concatenate(found)


def _places(quality: RealArray) -> IntArray:
    """The place of each row in the order of doubt, from 0; rows alike come in any order."""
    places = np.empty(len(quality), dtype=np.int64)
    any_order = np.random.default_rng(1).random(len(quality))
    places[np.lexsort((any_order, np.abs(quality - 0.5)))] = np.arange(len(quality))
    return places


def _differences(counts: IntArray, *, ends: IntArray, count: int) -> FloatArray:
    """How far the verified rows in each part are from what is expected, in standard deviations.

    Args:
        counts: verified rows in each cell between the ends, shape [..., cells].
        ends: of the parts, in rows, shape [parts].
        count: of all rows.
    """
    sample = counts.sum(axis=-1, keepdims=True)
    share = ends / count
    seen, expected = np.cumsum(counts, axis=-1)[..., :-1], sample * share
    spread = np.sqrt(np.maximum((1 - share) * (1 - sample / count), 1e-12))
    return np.asarray(2 * (np.sqrt(seen + 0.375) - np.sqrt(expected + 0.375)) / spread)
