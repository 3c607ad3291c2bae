"""What a page says in sentences."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath

from noisecleaner.noise.rate import percent
from noisecleaner.notices import UNLIKE, Notice, Severity, doubts
from noisecleaner.report.contents import Remaining, Report
from noisecleaner.texts import agreeing, counted, printable, shortened

_LONGEST = 60
_TREATMENTS = {
    "drop": "Flagged rows left out",
    "relabel": "Flagged rows with their suggested label",
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
    rate, name = report.summary.noise.overall, named(report)
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


def treatment(line: Remaining) -> str:
    """What happens to flagged rows."""
    return _TREATMENTS[line.treatment]


def noise_left(line: Remaining) -> str:
    """How much would still be wrong."""
    if line.noise.interval is None:
        return f"cannot tell: {line.reason}"
    if not line.corrected:
        return line.noise.words()
    carry, are = agreeing(line.corrected, "carries a correction", "carry corrections"), agreeing(line.corrected)
    return (
        f"{line.noise.words()}; {counted(line.corrected, 'row')} {carry}, which {are} taken as right (the scores agree "
        f"with {line.agreeing:,}); of the other rows {line.others.words()} are wrong"
    )


def cut(report: Report) -> str:
    """How many rows are flagged, and by what."""
    summary = report.summary
    scored = summary.flagged + summary.kept
    share = percent(summary.flagged / scored) if scored else "none"
    flagged = f"{counted(summary.flagged, 'row')} of {scored:,} ({share}) flagged, with {summary.by} below "
    return flagged + f"{summary.threshold:g}."


def quality(report: Report) -> str:
    """How far values of the gallery may be believed."""
    model = report.summary.model
    if report.void and model in ("audited", "planted"):
        return "label_quality was fitted on rows that are no sample of these: it ranks rows, and is no probability."
    return _QUALITY[model]
