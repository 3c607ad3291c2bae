"""What commands print when they are done: results to stdout, errors to stderr. Progress is in `terminal.py`."""

from __future__ import annotations

import os
import shlex
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from noisecleaner.commands.terminal import TerminalProgress, on_stderr, on_stdout
from noisecleaner.commands.wording import option, typed
from noisecleaner.texts import printable

if TYPE_CHECKING:
    from noisecleaner.bench import Benchmark
    from noisecleaner.export.cleaning import ExportResult
    from noisecleaner.export.corrupt import Corruption
    from noisecleaner.gate.verdicts import Verdict
    from noisecleaner.ingest import Source
    from noisecleaner.noise.rate import Rate
    from noisecleaner.noise.thresholds import Goal
    from noisecleaner.planning import PlanResult
    from noisecleaner.registry import PlugIn
    from noisecleaner.runs.record import FitResult
    from noisecleaner.runs.summary import Summary

_PIPE_WIDTH = 200


def show_error(message: str, hint: str) -> None:
    """Print an error as one paragraph."""
    on_stderr().print(Text.assemble(("Error: ", "bold red"), printable(typed(message)), " ", printable(typed(hint))))


def show_traceback() -> None:
    """Print the exception that is being handled, for `--debug`."""
    on_stderr().print_exception()


def show_fitted(out: Path, fitted: FitResult) -> None:
    """Tell what `fit` did, and what to type next."""
    console = on_stdout()
    extra = f" and {fitted.clean_only:,} clean-only" if fitted.clean_only else ""
    console.print(
        Text(
            f"Fitted {fitted.rows:,} rows ({_skips(fitted.skipped)}) with {fitted.audited:,} audited{extra} trusted "
            f"rows in {sum(fitted.seconds.values()):,.0f} s."
        )
    )
    console.print(Text(f"Next: noisecleaner score {printable(out)} --threshold 0.5"))


def show_summary(summary: Summary, out: Path) -> None:
    """Print what `score` found."""
    console = on_stdout()
    scored = summary.flagged + summary.kept
    lines = {
        "Noise": _noise(summary),
        "Rows": f"{summary.rows:,}, of which {scored:,} scored; {_skips(summary.skipped)}",
        "Flagged": f"{summary.flagged:,} rows ({_share(summary.flagged, scored)}) "
        f"with {summary.by} < {summary.threshold:g}"
        + _chosen(summary.goal)
        + (f", or without a label ({summary.unlabelled:,})" if summary.unlabelled else ""),
        "Kept": f"{summary.kept:,} rows ({_share(summary.kept, scored)})" + _kept(summary),
        "Quality": _QUALITY[summary.model].format(judged=f"{summary.judged:,}") + _reliability(summary),
    }
    for name, text in lines.items():
        console.print(Text.assemble((f"{name:<9}", "bold"), text))
    classes = [
        (line.name, f"{line.rows:,}", f"{line.flagged:,}", _share(line.flagged, line.rows), _rate(line.noise))
        for line in summary.classes
    ]
    _table("Worst classes", ("given label", "rows", "flagged", "share", "noise (95 % interval)"), classes)
    pairs = [(pair.given, pair.suggested, f"{pair.rows:,}") for pair in summary.confusions]
    _table("Most likely confusions", ("given label", "looks like", "flagged rows"), pairs)
    rows = [(s.sample_id, str(s.given), s.suggested, f"{s.value:.4f}") for s in summary.suspects]
    _table(
        f"Most suspicious rows (lowest {summary.by})",
        ("sample_id", "given label", "suggested", summary.by),
        rows,
    )
    console.print(Text(f"Wrote scores.parquet, report.parquet and noise.json to {printable(out)}."))


def show_verdict(verdict: Verdict) -> None:
    """Print what became of each rule, and of the gate."""
    _print_verdict(on_stdout(), verdict)


def verdict_text(verdict: Verdict) -> str:
    """What `show_verdict` prints, without colours, for a file."""
    text = StringIO()
    _print_verdict(Console(file=text, highlight=False, soft_wrap=True, color_system=None), verdict)
    return text.getvalue()


def _print_verdict(console: Console, verdict: Verdict) -> None:
    for finding in verdict.findings:
        style = _EFFECTS[verdict.effect(finding)]
        level = " (warn)" if finding.level == "warn" else ""
        rule = f"{finding.rule}{level}: "
        console.print(Text.assemble((f"{finding.outcome:<14}", style), (rule, "bold"), printable(finding.message)))
    _print_headline(console, verdict)


def _print_headline(console: Console, verdict: Verdict, more: str = "") -> None:
    console.print(Text(f"{verdict.headline}: {printable(verdict.run)}{printable(more)}", "bold"))


def show_headline(verdict: Verdict, output: Path) -> None:
    """Tell the verdict in one line, and which file holds all of it."""
    _print_headline(on_stdout(), verdict, f" (see {output})")


def show_text(text: str) -> None:
    """Write a text for machines to stdout: as it is, in UTF-8 whatever the locale."""
    sys.stdout.flush()
    sys.stdout.buffer.write(text.encode(errors="replace"))
    sys.stdout.buffer.flush()


def show_exported(exported: ExportResult, dry_run: bool) -> None:
    """Tell what `export-clean` wrote, or would write."""
    console = on_stdout()
    verb = "Would write" if dry_run else "Wrote"
    console.print(
        Text(
            f"{verb} {exported.written:,} of {exported.rows:,} rows to {printable(exported.path)} "
            f"({exported.format.value}): {exported.dropped:,} dropped, {exported.relabelled:,} relabelled, "
            f"{exported.verified:,} with their verified label, {exported.skipped:,} without a score left out."
        )
    )
    if exported.empty_classes:
        TerminalProgress().warn(f"No row is left of: {', '.join(exported.empty_classes)}.")


def show_planned(planned: PlanResult) -> None:
    """Tell what `plan` wrote, and what to type when it is filled in."""
    console = on_stdout()
    path = printable(planned.path)
    console.print(
        Text(
            f"Wrote {path}: {planned.new:,} rows to verify and {planned.known:,} that are verified already. The "
            f"interval of the noise rate should be {planned.shrinks:.2f} times as long as with rows drawn evenly."
        )
    )
    console.print(Text("Fill in its column trusted_label with the true class of each row, and keep the other columns."))
    console.print(Text(f"Next: {printable(shlex.join(_take_back(planned)))}"))


def _take_back(planned: PlanResult) -> list[str]:
    """What to type when the table is filled in: where new rows were scored, those are named again."""
    words = ["noisecleaner", "score"]
    if planned.source is None:
        words += [str(planned.scores)]
    else:
        words += [str(planned.run), "--data", planned.source.data, *_reading(planned.source)]
        words += ["--out", str(planned.scores)]
    return [*words, "--trusted", str(planned.path)]


def _reading(source: Source) -> Iterator[str]:
    """The options by which a source was read, but for those that are usual."""
    usual = asdict(type(source.columns)())
    for name, value in asdict(source.columns).items():
        if value != usual[name]:
            yield option(f"Columns.{name}")
            yield from [] if value is True else [str(value)]
    if source.allow_absolute:
        yield "--allow-absolute"


def show_corruption(corruption: Corruption) -> None:
    """Tell what `corrupt` wrote."""
    on_stdout().print(
        Text(
            f"Wrote {printable(corruption.data)} ({corruption.wrong:,} of {corruption.rows:,} labels are wrong now, "
            f"{_share(corruption.wrong, corruption.rows)}) and {printable(corruption.truth)}."
        )
    )


def show_methods(methods: Sequence[PlugIn], regularisers: Sequence[PlugIn], backbones: Sequence[str]) -> None:
    """List methods and regularisers with their options, and backbones: their names, and whole families in words."""
    header = "what it is", "options"
    _table("Methods (--method NAME, --option NAME=VALUE)", ("method", *header), _described(methods))
    title = "Regularisers (--regulariser NAME, --option REGULARISER.NAME=VALUE)"
    _table(title, ("regulariser", *header), _described(regularisers))
    *others, last = backbones
    names = f"Backbones (--backbone NAME): {', '.join(others)}, and {last}."
    on_stdout().print(Text("\n" + textwrap.fill(names, 120)))


def _described(methods: Sequence[PlugIn]) -> list[tuple[str, str, str]]:
    return [(m.name, m.description, ", ".join(f"{k}={v}" for k, v in m.options.items())) for m in methods]


def show_bench(benchmark: Benchmark) -> None:
    """Print the paper's table beside ours."""
    names = list(benchmark.lines[0].row.setting)
    rows = [
        (
            *(str(line.row.setting[name]) for name in names),
            line.row.method,
            line.metric.replace("_", " "),
            "" if line.paper is None else f"{line.paper:.4f}",
            f"{line.mean:.4f}" + ("" if line.deviation is None else f" ± {line.deviation:.4f}"),
            str(len(line.values)),
        )
        for line in benchmark.lines
    ]
    header = (*(name.replace("_", " ") for name in names), "method", "metric", "paper", "ours", "seeds")
    title = [benchmark.paper, f"scale {benchmark.scale:g}", benchmark.backbone, benchmark.device]
    _table(", ".join(filter(None, title)), header, rows)
    spent = f"{benchmark.seconds:,.0f} s of runs"
    on_stdout().print(Text(f"\nMean ± standard deviation over the seeds; {spent}. Wrote {printable(benchmark.table)}."))


_EFFECTS = {"passes": "green", "warns": "yellow", "fails": "bold red", "undecided": "bold magenta"}
_QUALITY = {
    "audited": "label_quality is calibrated on {judged} audited rows, each judged by a model that has not seen it",
    "planted": "label_quality is calibrated on planted wrong labels, for want of enough verified errors",
    "transfer": "alpha says how much a row helped the target, whose classes are others (no label quality)",
    "uncalibrated": "label_quality is the network's uncalibrated probability of the given label",
}


def _table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    if not rows:
        return
    table = Table(box=None, padding=(0, 3, 0, 0))
    for name in header:
        right = name in ("rows", "flagged", "share", "flagged rows", "label_quality", "alpha", "paper", "seeds")
        table.add_column(name, justify="right" if right else "left", overflow="fold", header_style="dim")
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    on_stdout().print(Text(f"\n{title}", "bold"))
    # a pipe has no width of its own, and lines broken at 80 are harder to search
    width = None if sys.stdout.isatty() or "COLUMNS" in os.environ else _PIPE_WIDTH
    Console(highlight=False, width=width).print(table)


def _rate(rate: Rate) -> str:
    if rate.value is None:
        return "unknown"
    if rate.low is None or rate.high is None:
        return f"about {100 * rate.value:.1f} %"
    return f"{100 * rate.value:.1f} % ({100 * rate.low:.1f} to {100 * rate.high:.1f})"


def _noise(summary: Summary) -> str:
    if summary.noise.method == "none":
        return "unknown: verify rows drawn at random and pass them with --trusted"
    wrong = f"{_rate(summary.noise.overall)} of the labels are wrong"
    if summary.noise.overall.low is not None:
        how = {"wilson": "Wilson"}.get(summary.noise.method, "sharpened by the scores")
        return f"{wrong} (95 % interval; {summary.noise.overall.sample_size:,} audited rows, {how})"
    return f"{wrong} (expected by label_quality; no audited rows, so no interval)"


def _reliability(summary: Summary) -> str:
    """Tell how well label quality is calibrated, where it claims to be."""
    found = summary.reliability
    if found is None or summary.model not in ("audited", "planted"):
        return ""
    return f"; calibration error {found.error:.3f} (chance: {found.by_chance:.3f})"


def _chosen(goal: Goal | None) -> str:
    """Tell what the threshold was chosen for."""
    if goal is None:
        return ""
    if goal.kind == "budget":
        return f" (budget of {goal.value:,.0f} rows)"
    limit = "at least" if goal.kind == "precision" else "at most"
    what = "precision" if goal.kind == "precision" else "noise of the kept rows"
    return f" ({what} {limit} {goal.value:g} with {goal.confidence:.0%} confidence)"


def _kept(summary: Summary) -> str:
    rate = summary.kept_noise
    return "" if rate.value is None else f"; {_rate(rate)} wrong among them ({rate.sample_size:,} audited rows)"


def _skips(skipped: Mapping[str, int]) -> str:
    if not skipped:
        return "0 skipped"
    return f"{sum(skipped.values()):,} skipped: " + ", ".join(f"{n:,} {reason}" for reason, n in skipped.items())


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "0 %"
