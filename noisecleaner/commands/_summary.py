"""What `score` says: a line for each fact, and what is worst in three listings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from noisecleaner.commands._counts import share, skips
from noisecleaner.commands._listing import Listing
from noisecleaner.notices import UNLIKE, Severity, void
from noisecleaner.texts import agreeing, counted, shortened

if TYPE_CHECKING:
    from noisecleaner.export.result import ExportResult
    from noisecleaner.runs.summary import Summary

_QUALITY = {
    "audited": "label_quality is calibrated on {judged}, each judged by a model that has not seen it",
    "planted": "label_quality is calibrated on planted wrong labels, for want of enough verified errors",
    "transfer": "alpha says how much a row helped the target, whose classes are others (no label quality)",
    "uncalibrated": "label_quality is the network's uncalibrated probability of the given label",
}

#: Characters of a class name that are shown.
_NAME = 80
#: Why rows are dropped in spite of `relabel`, by the names of `export.decisions.LeftOut`.
_DROPPED = {
    "no_suggestion": "without a suggestion",
    "suggestion_less_likely": "whose suggestion is less likely than the given label",
    "suggestion_unsure": "whose suggestion is less certain than asked for",
}


def facts(summary: Summary) -> dict[str, str]:
    """Word what holds of all rows: name of the fact -> the fact."""
    scored = summary.flagged + summary.kept
    return {
        "Noise": _noise(summary),
        "Rows": f"{summary.rows:,}, of which {scored:,} scored; {skips(summary.skipped, summary.unknown_classes)}",
        "Flagged": f"{counted(summary.flagged, 'row')} ({share(summary.flagged, scored)}) {_flagged(summary)}",
        "Kept": f"{counted(summary.kept, 'row')} ({share(summary.kept, scored)}){_kept(summary)}",
        **({"Fixed": _corrected(summary)} if summary.corrected else {}),
        **({"Before": _carried(summary)} if summary.carried else {}),
        "Quality": _quality(summary) + _reliability(summary) + _ranking(summary),
    }


def listings(summary: Summary) -> Iterator[Listing]:
    """List the worst classes, confusions and rows."""
    yield Listing(
        "Worst classes",
        ("given label", "rows", "flagged", "share", "noise (95 % interval)"),
        [
            (
                _cut(line.name),
                f"{line.rows:,}",
                f"{line.flagged:,}",
                share(line.flagged, line.rows),
                line.noise.words(),
            )
            for line in summary.classes
        ],
    )
    yield Listing(
        "Most likely confusions",
        ("given label", "looks like", "flagged rows"),
        [(_cut(pair.given), _cut(pair.suggested), f"{pair.rows:,}") for pair in summary.confusions],
    )
    yield Listing(
        f"Most suspicious rows (lowest {summary.by})",
        ("sample_id", "given label", "suggested", summary.by),
        [(row.sample_id, _cut(str(row.given)), _cut(row.suggested), f"{row.value:.4f}") for row in summary.suspects],
    )


def _cut(name: str) -> str:
    """A class name as it stands in a table; the files hold all of it."""
    return shortened(name, _NAME)


def why_dropped(exported: ExportResult) -> str:
    """Tell why flagged rows were dropped where others were relabelled: ` (80 without a suggestion, …)`."""
    told = [f"{exported.left_out[why]:,} {words}" for why, words in _DROPPED.items() if exported.left_out.get(why)]
    return f" ({', '.join(told)})" if told else ""


def expected_noise(exported: ExportResult) -> str:
    """Word how much of a copy is wrong."""
    expectation = exported.expectation
    noise, corrected = expectation.noise, expectation.corrected
    if noise.interval is None:
        return f"Expected noise of the copy: cannot tell. {expectation.reason}"
    said = (
        f"Expected noise of the copy: {noise.words()} (95 % interval; {noise.sample_size:,} audited rows, by "
        "the labels that the copy would give them if nobody had verified them)"
    )
    if not corrected:
        return said
    carry, are = agreeing(corrected, "carries a correction", "carry corrections"), agreeing(corrected)
    return (
        f"{said}. {counted(corrected, 'row')} {carry}, which {are} taken as right (the scores agree with "
        f"{expectation.agreeing:,}); of the other rows {expectation.others.words()} are wrong."
    )


def _noise(summary: Summary) -> str:
    rate = summary.noise.overall
    if void(summary.notices):
        why = "these rows are unlike the fitted ones" if _unlike(summary) else "the verified rows cannot measure it"
        return f"cannot tell, because {why} (see below)"
    if rate.method == "none":
        return "unknown: verify rows drawn at random and pass them with --trusted"
    wrong = f"{rate.words()} of the labels are wrong"
    if rate.interval is None:
        return f"{wrong} (expected by label_quality; no audited rows, so no interval)"
    if rate.method == "count":
        return f"{wrong} (all {rate.sample_size:,} rows were verified)"
    how = "Wilson" if rate.method == "wilson" else "sharpened by the scores"
    return f"{wrong} (95 % interval; {counted(rate.sample_size, 'audited row')}, {how})"


def _unlike(summary: Summary) -> bool:
    """Whether these are new rows, unlike the fitted ones, and none of them measures."""
    return any(notice.code == UNLIKE and notice.severity is Severity.VOID for notice in summary.notices)


def _flagged(summary: Summary) -> str:
    """Tell why rows are flagged."""
    unlabelled = f", or without a label ({summary.unlabelled:,})" if summary.unlabelled else ""
    goal = f" ({summary.goal.reason(summary.threshold)})" if summary.goal else ""
    return f"with {summary.by} < {summary.threshold:g}{goal}{unlabelled}{_uncertain(summary)}"


def _uncertain(summary: Summary) -> str:
    """Say that flags find nothing where nothing tells how often a flagged row is wrong."""
    if summary.model != "uncalibrated" and not (void(summary.notices) and summary.model != "transfer"):
        return ""
    return ": a ranking of what to look at first, and no finding, because nothing calibrates it"


def _kept(summary: Summary) -> str:
    """Tell how much is wrong among the rows that are kept."""
    rate = summary.kept_noise
    return (
        "" if rate.value is None else f"; {rate.words()} wrong among them ({counted(rate.sample_size, 'audited row')})"
    )


def _corrected(summary: Summary) -> str:
    rows, fixes = counted(summary.corrected, "row"), summary.fixes
    carry = f"{rows} {agreeing(summary.corrected, 'carries', 'carry')} a correction"
    if fixes is None:
        return f"{carry}, which exports take and no rate counts"
    # others stood in the table of the fit
    all_of_them = f"{carry} in all; " if fixes.rows != summary.corrected else ""
    return f"{fixes.words()}; {all_of_them}exports take them"


def _carried(summary: Summary) -> str:
    rows = f"{counted(summary.carried, 'row')} {agreeing(summary.carried, 'carries', 'carry')}"
    return f"{rows} a label that was verified when this copy was made, which exports keep and no rate counts"


def _quality(summary: Summary) -> str:
    """Tell how label quality was made, and not that it is calibrated where that rests on no sample."""
    if void(summary.notices) and summary.model in ("audited", "planted"):
        rows = "rows that are unlike these" if _unlike(summary) else "verified rows that are no sample"
        return f"label_quality was fitted on {rows}: it ranks rows, and is no probability"
    if summary.basis and summary.basis.data == "fitted":
        return f"label_quality is calibrated on {counted(summary.basis.rows, 'audited row')} of the fitted data"
    rows = counted(summary.judged, "audited row") + (" of these data" if summary.basis else "")
    return _QUALITY[summary.model].format(judged=rows)


def _reliability(summary: Summary) -> str:
    """Tell how well label quality is calibrated, where it claims to be."""
    measured = summary.reliability
    if measured is None or summary.model not in ("audited", "planted"):
        return ""
    elsewhere = summary.basis and summary.basis.data == "fitted"
    where = f"on {counted(measured.rows, 'audited row')} of these data, " if elsewhere else ""
    return f"; {where}calibration error {measured.error:.3f} (chance: {measured.by_chance:.3f})"


def _ranking(summary: Summary) -> str:
    """Tell how well scores tell wrong from right."""
    if summary.rankings is None:
        return ""
    ranking = summary.rankings.overall
    how = "with" if ranking.low is not None else "with an AUROC that is"
    return f"; scores tell wrong from right {how} {ranking.words()}"
