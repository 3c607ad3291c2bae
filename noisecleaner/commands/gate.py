"""`noisecleaner gate`."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn, TypeVar

import typer

from noisecleaner.commands import console, terminal
from noisecleaner.commands._groups import Without, grouped
from noisecleaner.commands._options import NewRowOptions, target_of
from noisecleaner.commands._shared import RULES, Trusted, cut_at, only_given, opt, refuse
from noisecleaner.commands.score import GoalOptions
from noisecleaner.commands.wording import typed
from noisecleaner.errors import NoisecleanerError
from noisecleaner.files import refuse_below_file
from noisecleaner.gate.limits import Unit
from noisecleaner.gate.rules import rules
from noisecleaner.project import DEFAULT, read_tables
from noisecleaner.registry import constants_in, names_in

if TYPE_CHECKING:
    from noisecleaner.gate.verdicts import Verdict

Group = TypeVar("Group")
_RULES = rules()


class JudgedExit(SystemExit):
    """How `gate` hands its exit code to `main`, to which typer's own 1 means something else."""


def _with_rules(group: type[Group]) -> type[Group]:
    """Make a group with an option for each rule."""
    for rule in _RULES.values():
        option = opt(typed(rule.help), RULES)
        annotation = Annotated[int | None, option] if rule.unit is Unit.ROWS else Annotated[float | None, option]
        group.__annotations__[rule.parameter] = annotation
        setattr(group, rule.parameter, None)
    return dataclass(frozen=True, kw_only=True)(group)


@_with_rules
class RuleOptions:
    """The limits: an option for each file of `gate/rules`."""


_COMPARING = " and ".join(f"--{name}" for name, rule in _RULES.items() if rule.compares)

_LISTED = " and ".join(
    f"{most:,} flagged rows in {name}" for name, most in constants_in("gate.formats", "MOST").items()
)
_FORMATS = (
    f"What is written: {', '.join(['console', *names_in('gate.formats')])}. At most the worst {_LISTED} are listed."
)


@grouped
def gate(
    *,
    run: Annotated[Path, typer.Argument(help="Run directory after `score`; with --data, after `fit`.")],
    limits: RuleOptions,
    baseline: Annotated[Path | None, opt(f"Scored run that {_COMPARING} compares with.", RULES)] = None,
    warn: Annotated[list[str] | None, opt("Name of a rule that shall only warn; repeatable.", RULES)] = None,
    on_inconclusive: Annotated[
        str | None, opt("fail, warn or pass where audited rows cannot tell; exit code 3 by default.", RULES)
    ] = None,
    config: Annotated[
        Path | None, opt("TOML file with a table \\[gate]; noisecleaner.toml by default, if it is there.", RULES)
    ] = None,
    format: Annotated[str, opt(_FORMATS)] = "console",
    output: Annotated[Path | None, opt("File to write instead of stdout.")] = None,
    data: Annotated[str | None, opt("Judge these rows, which were not fitted, without training.")] = None,
    threshold: Annotated[
        str | None, opt("With --data: flag rows below it; auto: as is best for F1; 0.5 by default.")
    ] = None,
    goals: Annotated[GoalOptions, Without("target_precision", "target_noise", "budget", "confidence")],
    out: Annotated[
        Path | None, opt("Where scores are written with --data; RUN/new/NAME-HASH of the rows by default.")
    ] = None,
    trusted: Trusted = None,
    rows: NewRowOptions,
) -> None:
    """Judge a scored run by rules, for CI: exit code 0 passed, 1 failed, 2 nothing judged, 3 cannot tell.

    Example: noisecleaner gate runs/first --max-noise 0.05
    """
    from noisecleaner.api import Cutoff, gather_config, score_new
    from noisecleaner.api import gate as judge
    from noisecleaner.gate.judge import held, read_baseline
    from noisecleaner.registry import check_choice

    check_choice(format, ["console", *names_in("gate.formats")], parameter="`format`")
    asked = gather_config(
        {name.replace("_", "-"): limit for name, limit in only_given(**vars(limits)).items()},
        config=config or (DEFAULT if DEFAULT.exists() and "gate" in read_tables(DEFAULT) else None),
        warn=warn or [],
        on_inconclusive=on_inconclusive,
        baseline=baseline,
    )
    _check_output(output)
    if data is None:
        refuse({"--threshold": threshold is not None, "--cost": goals.cost}, "--data")
        refuse({"--trusted": trusted, **rows.of_labels()}, "--data")
        rows.refuse_without_data(out)
        with held(run, asked):
            _conclude(judge(run, asked), format, output)
    at = cut_at(threshold)
    cutoff = Cutoff(**only_given(threshold=at, goal=goals.goal(at)))
    source = rows.source(data)
    target = target_of(run, source.data, out)
    read_baseline(asked, target)  # before the long part
    with terminal.LateProgress() as progress:
        summary = score_new(
            run,
            source,
            target,
            trusted=trusted,
            cutoff=cutoff,
            inference=rows.inference(),
            progress=progress,
        )
        # a verdict for machines is not what somebody reads who looks at the terminal
        progress.release(summary.notices if format == "console" and output is None else ())
    with held(target, asked):
        _conclude(judge(target, asked), format, output)


def _check_output(output: Path | None) -> None:
    """Refuse an output file that could not be written, before anything is computed."""
    if output is None:
        return
    refuse_below_file(output, parameter="--output")
    if output.exists() and not output.is_file():  # a device would be replaced like a file
        raise NoisecleanerError(f"--output takes a file, but {output} is none.", "Name a file that may be written.")


def _conclude(verdict: Verdict, format: str, output: Path | None) -> NoReturn:
    """Write a verdict in the words of the command line, and hand its exit code to `main`."""
    from noisecleaner.files import alone, replacing
    from noisecleaner.gate.formats import github, render

    verdict = verdict.worded(typed)
    if output is not None:
        text = console.verdict_text(verdict) if format == "console" else render(format, verdict)
        with alone(output, work="gate"), replacing(output) as temporary:
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
