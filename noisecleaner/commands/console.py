"""What commands print when they are done: results to stdout, errors to stderr. Progress is in `terminal.py`."""

from __future__ import annotations

import os
import shlex
import sys
import textwrap
from collections.abc import Callable, Sequence
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from noisecleaner.commands import _summary
from noisecleaner.commands._counts import share, skips
from noisecleaner.commands._embedded import embedded_lines
from noisecleaner.commands._following import answering, filling_in, taking_back
from noisecleaner.commands._listing import Listing, bench_listing, plug_in_listing
from noisecleaner.commands._verdict import headline, verdict_lines
from noisecleaner.commands._verified import verified_lines
from noisecleaner.commands.terminal import TerminalProgress, escaped, on_stdout, verbosity
from noisecleaner.commands.wording import typed
from noisecleaner.errors import listed
from noisecleaner.notices import doubts
from noisecleaner.progress.bars import Verbosity, on_stderr
from noisecleaner.registry import constants_in
from noisecleaner.texts import agreeing, counted, inert, legible, printable, shortened, tally

if TYPE_CHECKING:
    from noisecleaner.bench import Benchmark
    from noisecleaner.demo import Demo
    from noisecleaner.embedding.result import EmbedResult
    from noisecleaner.export.corrupt import Corruption
    from noisecleaner.export.result import ExportResult
    from noisecleaner.gate.verdicts import Verdict
    from noisecleaner.planning import DataPlanResult, PlanResult, RecheckResult
    from noisecleaner.planning.form import Form
    from noisecleaner.registry import PlugIn
    from noisecleaner.report.writing import ReportResult
    from noisecleaner.review.writing import ReviewResult
    from noisecleaner.runs.record import FitResult
    from noisecleaner.runs.summary import Summary
    from noisecleaner.verifying.soundness import VerifyResult

_PIPE_WIDTH = 200
#: Characters of a cell that are shown; the files hold all of them.
_CELL = 200
#: Columns that hold numbers.
_RIGHT = ("rows", "flagged", "share", "flagged rows", "label_quality", "alpha", "paper", "seeds")


def show_error(message: str, hint: str) -> None:
    """Print an error as one paragraph."""
    on_stderr().print(Text.assemble(("Error: ", "bold red"), legible(typed(message)), " ", legible(typed(hint))))


def show_traceback() -> None:
    """Print the exception that is being handled, for `--debug`."""
    on_stderr().print_exception()


def show_text(text: str) -> None:
    """Write a text for machines to stdout: as it is, in UTF-8 whatever the locale."""
    sys.stdout.flush()
    sys.stdout.buffer.write(text.encode(errors="replace"))
    sys.stdout.buffer.flush()


def show_fitted(out: Path, fitted: FitResult) -> None:
    """Tell what `fit` did, and what to type next."""
    extra = f" and {fitted.clean_only:,} clean-only" if fitted.clean_only else ""
    corrected = f" and {counted(fitted.corrected, 'correction')}" if fitted.corrected else ""
    carried = f" (and {fitted.carried:,} that were verified before this copy was made)" if fitted.carried else ""
    _show(
        f"Fitted {counted(fitted.rows, 'row')} ({skips(fitted.skipped)}) with {fitted.audited:,} audited{extra} "
        "trusted "
        f"rows{carried}{corrected} in {sum(fitted.seconds.values()):,.0f} s.",
        f"Next: noisecleaner score {out} --threshold 0.5",
    )


def show_embedded(embedded: EmbedResult, data: str) -> None:
    """Tell what `embed` did, which rows have no vector, and what to type next."""
    _show(*embedded_lines(embedded, data))


def show_summary(summary: Summary, out: Path, *, listed: int) -> None:
    """Print what `score` found; `listed` are the rows of flagged.csv."""
    if verbosity() is Verbosity.QUIET:
        return
    for name, fact in _summary.facts(summary).items():
        on_stdout().print(Text.assemble((f"{name:<9}", "bold"), inert(printable(fact))))
        for doubt in doubts(summary.notices) if name == "Noise" else ():
            on_stdout().print(Text.assemble((f"{'':<9}Warning: ", "bold yellow"), legible(typed(doubt.message))))
    for listing in _summary.listings(summary):
        _show_listing(listing)
    _show(f"Wrote scores.parquet, report.parquet, noise.json and flagged.csv to {out}.")
    if listed < summary.flagged:
        _show(f"flagged.csv lists the worst {listed:,} of {counted(summary.flagged, 'flagged row')}: --top lists more.")


def show_reported(reported: ReportResult) -> None:
    """Tell what `report` wrote."""
    pictures = f", {reported.pictures:,} of them with their image" if reported.pictures else ""
    _show(
        f"Wrote {reported.path} ({counted(reported.rows, 'row')}{pictures}; {reported.bytes / 1e6:.2f} MB, needs no "
        f"network) and its numbers to {reported.numbers}."
    )
    if reported.note:
        TerminalProgress().warn(reported.note)


def show_review(written: ReviewResult, words: Callable[[str], str] = typed) -> None:
    """Tell what `review` wrote, and what to do with it; `words` puts a command in place of Python in backticks."""
    pages = str(written.paths[0])
    if len(written.paths) > 1:
        pages = f"{len(written.paths)} pages, {written.paths[0]} to {written.paths[-1].name}"
    _show(
        f"Wrote {pages} ({counted(written.rows, 'image')}; {written.bytes / 1e6:.2f} MB, needs no network).",
        *([written.aside] if written.aside else []),
        *answering(written, words),
    )
    if written.lost:
        lost = sum(written.lost.values())
        TerminalProgress().warn(
            f"{counted(lost, 'image')} cannot be read and {agreeing(lost)} not shown ({tally(written.lost)})."
        )


def show_planned(planned: PlanResult) -> None:
    """Tell what `plan` wrote, and what to type next."""
    _show(
        f"Wrote {planned.path}: {counted(planned.new, 'row')} to verify and {planned.known:,} that are verified "
        "already. The "
        f"interval of the noise rate should be {planned.shrinks:.2f} times as long as with rows drawn evenly.",
    )
    _show_next(planned, "trusted_label", taking_back(planned))


def show_planned_first(planned: DataPlanResult, names: str | None) -> None:
    """Tell what `plan` wrote before any fit, and what to type next; `names` is the file of class names, if any."""
    from noisecleaner.planning import to_fit

    known = f" and {planned.known:,} that are verified already" if planned.known else ""
    broken = f", leaving out {planned.unreadable:,} whose image does not open" if planned.unreadable else ""
    _show(
        f"Wrote {planned.path}: {counted(planned.new, 'row')} to verify{known}, drawn evenly from {planned.rows:,} "
        f"with a given label{broken}. It does not tell that label."
    )
    _show_next(planned, "trusted_label", to_fit(planned.drawn_from, str(planned.path), names=names), names=names)


def show_recheck(drawn: RecheckResult) -> None:
    """Tell what `plan --recheck` wrote, and what to type next."""
    verified = f"{drawn.verified:,} verified ones"
    if drawn.looked_at:
        verified = f"the {drawn.verified - drawn.looked_at:,} of {verified} that had none"
    _show(
        f"Wrote {drawn.path}: {counted(drawn.rows, 'row')} for a second look, drawn evenly from {verified}. "
        "It does not tell what was said of them: best look with other eyes than the first time.",
    )
    _show_next(drawn, "second_label", taking_back(drawn))


def _show_next(form: Form, column: str, back: str, *, names: str | None = None) -> None:
    """Tell how a table is filled in, and which command takes it back then; see `filling_in`."""
    _show(*filling_in(form, column, back, names=names))
    if form.telling:
        TerminalProgress().warn(
            f"The sample id or path of {form.telling:,} rows names the given label: a look is blind only where it is "
            "hidden, as on the page of review."
        )
    TerminalProgress().tell(*form.notices)


def show_verdict(verdict: Verdict) -> None:
    """Print what became of each rule, and of the gate; of what passed only that, where little is to be told."""
    for line in verdict_lines(verdict, passed=verbosity() is not Verbosity.QUIET):
        on_stdout().print(line)


def verdict_text(verdict: Verdict) -> str:
    """What `show_verdict` prints, without colours, for a file."""
    text = StringIO()
    console = Console(file=text, highlight=False, soft_wrap=True, color_system=None)
    for line in verdict_lines(verdict):
        console.print(line)
    return text.getvalue()


def show_headline(verdict: Verdict, output: Path) -> None:
    """Tell the verdict in one line, and which file holds all of it."""
    on_stdout().print(headline(verdict, f" (see {output})"))


def show_exported(exported: ExportResult, dry_run: bool) -> None:
    """Tell what `export-clean` wrote, or would write."""
    corrected = f"{exported.corrected:,} with their correction, " if exported.corrected else ""
    of_no_class = f"{exported.no_class:,} of no class left out, " if exported.no_class else ""
    _show(
        f"{'Would write' if dry_run else 'Wrote'} {exported.written:,} of {exported.rows:,} rows to {exported.path} "
        f"({exported.format.value}): {exported.dropped:,} dropped{_summary.why_dropped(exported)}, "
        f"{exported.relabelled:,} relabelled, "
        f"{corrected}{exported.verified:,} with their verified label, {of_no_class}{exported.skipped:,} without a "
        "score left out.",
        f"Flagged: {exported.by} < {exported.threshold:g}.",
    )
    if exported.fixes is not None:
        _show(f"{exported.fixes.words()}.")
    if exported.splits:
        counts = ", ".join(f"{name} {rows:,}" for name, rows in exported.splits.items())
        _show(f"The splits of the dataset are kept: {counts} rows.")
    if exported.image_root is not None:
        _show(
            f"Images are not copied: the copy names them by their absolute paths, in {exported.image_root}; commands "
            "read such a copy with --allow-absolute."
        )
    _show(typed(_summary.expected_noise(exported)))
    if exported.empty_splits:
        TerminalProgress().warn(f"The copy has no row of these splits: {listed(exported.empty_splits)}.")
    if exported.empty_classes:
        TerminalProgress().warn(f"No row is left of: {listed(exported.empty_classes)}.")
    if exported.tables:
        _show(f"Its rows are in {listed([str(path) for path in exported.tables], 3)}.")
    following = constants_in("export.formats", "NEXT").get(exported.format.value)
    if following and not dry_run:
        _show(following.replace("{out}", str(exported.path.absolute())))  # other tools start elsewhere


def show_corruption(corruption: Corruption) -> None:
    """Tell what `corrupt` wrote."""
    _show(
        f"Wrote {corruption.data} ({corruption.wrong:,} of {corruption.rows:,} labels "
        f"{agreeing(corruption.wrong, 'was', 'were')} changed, "
        f"{share(corruption.wrong, corruption.rows)}) and {corruption.truth}."
    )


def show_demo(demo: Demo) -> None:
    """Tell what `demo` wrote, and what to type next."""
    words = ["noisecleaner", "fit", demo.data, "--trusted", demo.trusted, "--out", demo.data.parent / "run"]
    _show(
        f"Wrote {demo.data} ({counted(demo.rows, 'image')}; {share(demo.wrong, demo.rows)} of the labels are wrong), "
        f"{demo.trusted} ({demo.verified:,} of them, drawn at random, with their right label) and {demo.truth}.",
        f"Next: {shlex.join(map(str, words))}",
    )


def show_methods(methods: Sequence[PlugIn], regularisers: Sequence[PlugIn], backbones: Sequence[str]) -> None:
    """List methods and regularisers with their options, and backbones: their names, and whole families in words."""
    _show_listing(plug_in_listing("Methods (--method NAME, --option NAME=VALUE)", "method", methods))
    title = "Regularisers (--regulariser NAME, --option REGULARISER.NAME=VALUE)"
    _show_listing(plug_in_listing(title, "regulariser", regularisers))
    *others, last = backbones
    names = f"Backbones (--backbone NAME): {', '.join(others)}, and {last}. A+B joins the features of two frozen ones."
    on_stdout().print(Text("\n" + textwrap.fill(names, 120)))


def show_bench(benchmark: Benchmark) -> None:
    """Print the paper's table beside ours."""
    _show_listing(bench_listing(benchmark))
    on_stdout().print()
    _show(f"Mean ± standard deviation over the seeds; {benchmark.seconds:,.0f} s of runs. Wrote {benchmark.table}.")


def _show(*lines: str, asked: bool = False) -> None:
    """Print lines of text, in quiet only those that were asked for; what a user's text brings in is made safe."""
    if verbosity() is Verbosity.QUIET and not asked:
        return
    for line in lines:
        on_stdout().print(Text(inert(printable(line))))


def show_verified(result: VerifyResult) -> None:
    """Tell what `verify` found."""
    _show(*verified_lines(result), asked=True)


def _show_listing(listing: Listing) -> None:
    """Print a listing as a table, if it has rows."""
    if not listing.rows:
        return
    table = Table(box=None, padding=(0, 3, 0, 0))
    for name in listing.header:
        table.add_column(name, justify="right" if name in _RIGHT else "left", overflow="fold", header_style="dim")
    for row in listing.rows:
        table.add_row(*(Text(escaped(shortened(printable(cell), _CELL))) for cell in row))
    on_stdout().print(Text(f"\n{listing.title}", "bold"))
    # a pipe has no width of its own, and lines broken at 80 are harder to search
    width = None if sys.stdout.isatty() or "COLUMNS" in os.environ else _PIPE_WIDTH
    console = Console(highlight=False, width=width)
    with console.capture() as captured:
        console.print(table)
    # cells of the last column are filled up with blanks
    sys.stdout.write("".join(f"{inert(line.rstrip())}\n" for line in captured.get().splitlines()))
    sys.stdout.flush()  # a full disk is told here, and not when Python ends
