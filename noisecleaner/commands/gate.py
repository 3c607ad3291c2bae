"""`noisecleaner gate`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from noisecleaner.commands import console, terminal
from noisecleaner.commands._groups import grouped
from noisecleaner.commands._options import NewRowOptions, target_of
from noisecleaner.commands._shared import RULES, Trusted, only_given, opt, refuse
from noisecleaner.errors import NoisecleanerError
from noisecleaner.registry import names_in

if TYPE_CHECKING:
    from noisecleaner.gate.verdicts import Verdict

#: What `gate` reads without --config, below the working directory.
_CONFIG = Path("noisecleaner.toml")


class JudgedExit(SystemExit):
    """How `gate` hands its exit code to `main`, to which typer's own 1 means something else."""


@grouped
def gate(
    *,
    run: Annotated[Path, typer.Argument(help="Run directory after `score`; with --data, after `fit`.")],
    max_noise: Annotated[float | None, opt("Largest share of wrong labels.", RULES)] = None,
    max_noise_per_class: Annotated[float | None, opt("The same in each class.", RULES)] = None,
    max_noise_increase: Annotated[
        float | None, opt("Largest rise of the share of wrong labels against --baseline.", RULES)
    ] = None,
    max_flagged: Annotated[float | None, opt("Largest share of flagged rows among the scored.", RULES)] = None,
    min_kept_per_class: Annotated[int | None, opt("Fewest rows of a class that are not flagged.", RULES)] = None,
    min_audited: Annotated[int | None, opt("Fewest verified rows.", RULES)] = None,
    baseline: Annotated[Path | None, opt("Scored run that --max-noise-increase compares with.", RULES)] = None,
    warn: Annotated[list[str] | None, opt("Name of a rule that shall only warn; repeatable.", RULES)] = None,
    on_inconclusive: Annotated[
        str | None, opt("fail, warn or pass where audited rows cannot tell; exit code 3 by default.", RULES)
    ] = None,
    config: Annotated[
        Path | None, opt("TOML file with a table \\[gate]; noisecleaner.toml by default, if it is there.", RULES)
    ] = None,
    format: Annotated[str, opt(f"What is written: {', '.join(['console', *names_in('gate.formats')])}.")] = "console",
    output: Annotated[Path | None, opt("File to write instead of stdout.")] = None,
    data: Annotated[str | None, opt("Judge these rows, which were not fitted, without training.")] = None,
    threshold: Annotated[float | None, opt("With --data: flag rows below it; 0.5 by default.")] = None,
    out: Annotated[Path | None, opt("Where scores are written with --data; RUN/new/NAME by default.")] = None,
    trusted: Trusted = None,
    rows: NewRowOptions,
) -> None:
    """Judge a scored run by rules, for CI: exit code 0 passed, 1 failed, 3 the audited rows cannot tell.

    Example: noisecleaner gate runs/first --max-noise 0.05
    """
    from noisecleaner.api import Cutoff, Rule, gather_rules, score_new
    from noisecleaner.api import gate as judge
    from noisecleaner.gate.judge import read_baseline
    from noisecleaner.registry import check_choice

    check_choice(format, ["console", *names_in("gate.formats")], parameter="`format`")
    limits: dict[Rule, float | None] = {
        Rule.MAX_NOISE: max_noise,
        Rule.MAX_NOISE_PER_CLASS: max_noise_per_class,
        Rule.MAX_NOISE_INCREASE: max_noise_increase,
        Rule.MAX_FLAGGED: max_flagged,
        Rule.MIN_KEPT_PER_CLASS: min_kept_per_class,
        Rule.MIN_AUDITED: min_audited,
    }
    rules = gather_rules(
        {rule: limit for rule, limit in limits.items() if limit is not None},
        config=config or (_CONFIG if _CONFIG.exists() else None),
        warn=warn or [],
        on_inconclusive=on_inconclusive,
        baseline=baseline,
    )
    _check_output(output)
    if data is None:
        refuse({"--threshold": threshold is not None}, "--data")
        refuse({"--trusted": trusted}, "--data")
        rows.refuse_without_data(out)
        _conclude(judge(run, rules), format, output)
    source = rows.source(data)
    target = target_of(run, source.data, out)
    read_baseline(rules, target)  # before the long part
    score_new(
        run,
        source,
        target,
        trusted=trusted,
        cutoff=Cutoff(**only_given(threshold=threshold)),
        inference=rows.inference(),
        progress=terminal.TerminalProgress(),
    )
    _conclude(judge(target, rules), format, output)


def _check_output(output: Path | None) -> None:
    """Refuse an output file that could not be written, before anything is computed."""
    if output is None:
        return
    # not a device, which would be replaced like a file
    if not output.absolute().parent.is_dir() or (output.exists() and not output.is_file()):
        raise NoisecleanerError(
            f"--output takes a file in a directory that exists, but it is {output}.", "Make the directory first."
        )


def _conclude(verdict: Verdict, format: str, output: Path | None) -> NoReturn:
    """Write a verdict and hand its exit code to `main`."""
    from noisecleaner.files import replacing
    from noisecleaner.gate.formats import github, render

    if output is not None:
        text = console.verdict_text(verdict) if format == "console" else render(format, verdict)
        with replacing(output) as temporary:
            temporary.write_bytes(text.encode(errors="replace"))
        console.show_headline(verdict, output)
    elif format == "console":
        console.show_verdict(verdict)
    else:
        console.show_text(render(format, verdict))
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if format == "github" and summary:
        try:
            github.append_summary(verdict, Path(summary))
        except OSError as error:  # the verdict stands without it
            terminal.TerminalProgress().warn(f"GITHUB_STEP_SUMMARY cannot be written: {error}.")
    raise JudgedExit(verdict.exit_code)
