"""What a page says in sentences."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath

from noisecleaner.noise.rate import percent
from noisecleaner.notices import UNLIKE, Notice, Severity, doubts
from noisecleaner.report.contents import Remainder, Report
from noisecleaner.report.gallery import Gallery, GalleryRow
from noisecleaner.texts import agreeing, counted, printable, shortened

_LONGEST = 60
_TREATMENTS = {
    "drop": "Flagged rows left out (those that were verified or corrected stay, with that label, or go as none)",
    "relabel": "Flagged rows with their suggested label (or the verified or corrected one; those of no class go)",
    "keep": "Flagged rows kept, only corrections and verified labels taken",
}
_QUALITY = {
    "audited": "label_quality is the calibrated probability that the given label is right.",
    "planted": "label_quality is calibrated on planted wrong labels, for want of enough verified errors.",
    "transfer": "alpha says how much a row helped the target, whose classes are others.",
    "uncalibrated": "Nothing calibrates label_quality: this is a ranking of what to look at first, and no finding.",
}


@dataclass(frozen=True, kw_only=True)
class Headline:
    """The sentence for whoever reads only one: its number, and the rest."""

    number: str
    sentence: str


def headline(report: Report) -> Headline:
    """Say how much is wrong, or why nobody can tell."""
    rate, name = report.summary.noise.overall, f"“{named(report)}”"  # it may be called `images`
    verified = f"{counted(rate.sample_size, 'row')} of {report.summary.rows:,} verified"
    if report.void:
        unlike = any(n.code == UNLIKE and n.severity is Severity.VOID for n in report.summary.notices)
        why = "these rows are unlike the fitted ones" if unlike else "the verified rows cannot measure it"
        return Headline(
            number="No rate.", sentence=f"How many labels of {name} are wrong cannot be told, because {why}."
        )
    if rate.value is None:
        ask = "verify rows that are drawn at random"
        return Headline(number="Unknown.", sentence=f"Nobody has measured how many labels of {name} are wrong: {ask}.")
    number, wrong = percent(rate.value), f"of the labels of {name} are wrong"
    if rate.interval is None:
        return Headline(
            number=f"About {number}", sentence=f"{wrong}, as the scores expect; no row was verified, so no interval."
        )
    if rate.method == "count":
        return Headline(number=number, sentence=f"{wrong}, counted: every row was verified ({rate.sample_size:,}).")
    return Headline(number=number, sentence=f"{wrong} (95 % interval {rate.interval.ends()} %; {verified}).")


def named(report: Report) -> str:
    """What the dataset is called, without the folders above it."""
    return shortened(printable(PurePath(report.dataset).name or report.dataset), _LONGEST)


def boxes(report: Report) -> list[Notice]:
    """What stands beside the number: first what leaves none."""
    return sorted(doubts(report.summary.notices), key=lambda notice: notice.severity is not Severity.VOID)


def treatment(line: Remainder) -> str:
    """What happens to flagged rows."""
    return _TREATMENTS[line.treatment]


def noise_left(line: Remainder, why: str = "") -> str:
    """How much would still be wrong; `why` nobody can tell is left out where it is said of all copies together."""
    if line.noise.interval is None:
        return "cannot tell" if line.reason == why else f"cannot tell: {line.reason}"
    if not line.corrected:
        return line.noise.words()
    carry, are = agreeing(line.corrected, "carries a correction", "carry corrections"), agreeing(line.corrected)
    return (
        f"{line.noise.words()}; {counted(line.corrected, 'row')} {carry}, which {are} taken as right (the scores agree "
        f"with {line.agreeing:,}); of the other rows {line.others.words()} are wrong"
    )


def why_unknown(report: Report) -> str:
    """Why nobody can tell how much any copy would hold, where that is the same for all; else an empty text."""
    reasons = {line.reason for line in report.remaining}
    return reasons.pop() if len(reasons) == 1 else ""


def cut(report: Report) -> str:
    """How many rows are flagged, and by what."""
    summary = report.summary
    scored = summary.flagged + summary.kept
    share = percent(summary.flagged / scored) if scored else "none"
    rule = f"with {summary.by} below {summary.threshold:g}"
    rule += f" ({summary.goal.reason(summary.threshold)})" if summary.goal else ""
    rule += f", or without a label ({summary.unlabelled:,})" if summary.unlabelled else ""
    return f"{counted(summary.flagged, 'row')} of {scored:,} ({share}) flagged, {rule}."


def quality(report: Report) -> str:
    """How far values of the gallery may be believed."""
    model, basis = report.summary.model, report.summary.basis
    if report.void and model in ("audited", "planted"):
        return "label_quality was fitted on rows that are no sample of these: it ranks rows, and is no probability."
    if basis and basis.data == "fitted":
        return f"label_quality is calibrated on {counted(basis.rows, 'audited row')} of the fitted data."
    return _QUALITY[model]


def shown(gallery: Gallery) -> str:
    """Which rows a gallery shows."""
    if not gallery.rows:
        return "No row has a score."
    count = counted(len(gallery.rows), "row")
    if gallery.rows[0].value is None:
        return f"{count} of {gallery.of:,} that are flagged because they have no label."
    return f"The {count} of lowest {gallery.by}, of {gallery.of:,}."


def facts(row: GalleryRow, by: str) -> str:
    """The numbers of a row, and whether it is kept."""
    other = row.confidence is not None and row.suggested != row.given
    told = [
        f"{by} {row.value:.4f}" if row.value is not None else "",
        f"suggestion {row.confidence:.2f}" if other else "",
        "" if row.flagged else "kept",
    ]
    return ", ".join(filter(None, told))
