"""The command line: parse, call one library function, show the result, set the exit code.

Exit codes: 0 done, a gate passed; 1 a gate failed; 2 usage, input or configuration is wrong; 3 a gate cannot tell;
70 a bug of ours; 130 and 143 interrupted; 141 nobody reads our output any more.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
import warnings
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from noisecleaner import __version__, console
from noisecleaner.errors import Interrupted, NoisecleanerError
from noisecleaner.methods import experiment_names, format_names
from noisecleaner.progress import Interrupts

if TYPE_CHECKING:
    from noisecleaner.ingest import Columns
    from noisecleaner.thresholds import Goal
    from noisecleaner.verdicts import Verdict

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _option(help: str, panel: str | None = None, *names: str, **rest: Any) -> Any:
    return typer.Option(*names, help=help, rich_help_panel=panel, **rest)


_ROWS, _MODEL, _TRAINING, _RULES = "Rows and columns", "What looks at the images", "Training", "Rules"
#: What `gate` reads without --config, below the working directory.
_CONFIG = Path("noisecleaner.toml")
_GOAL = "Instead of a threshold"

Data = Annotated[
    str,
    typer.Argument(help="Image folder, .parquet, .csv or .jsonl table, folder of Parquet files, glob, or URI."),
]
Out = Annotated[Path, _option("Directory to make.")]
Trusted = Annotated[str | None, _option("Table or folder with verified labels, joined on the sample id.")]
TrustedOrNone = Annotated[
    str | None,
    _option("Table or folder with verified labels, joined on the sample id; none: rows of low loss steer instead."),
]
ImageColumn = Annotated[str, _option("Column with paths, bytes or struct<bytes, path>.", _ROWS)]
LabelColumn = Annotated[str, _option("Column with the given label.", _ROWS)]
IdColumn = Annotated[str, _option("Column with the id that joins the tables.", _ROWS)]
TrustedColumn = Annotated[str, _option("Column with the verified label.", _ROWS)]
EmbeddingColumn = Annotated[str | None, _option("Column with embeddings, instead of images.", _ROWS)]
ProbabilitiesColumn = Annotated[str | None, _option("Column with your model's class probabilities, likewise.", _ROWS)]
RowIds = Annotated[bool, typer.Option("--row-ids", help="Make ids from file name and row.", rich_help_panel=_ROWS)]
AllowAbsolute = Annotated[
    bool,
    typer.Option("--allow-absolute", help="Follow absolute paths and links out of the folder.", rich_help_panel=_ROWS),
]
Strict = Annotated[
    bool, typer.Option("--strict", help="Make a row that cannot be used an error.", rich_help_panel=_ROWS)
]
MaxPixels = Annotated[
    int | None, _option("Refuse larger images (width times height; 64 million by default).", _ROWS, min=1)
]
Threads = Annotated[int | None, _option("Images decoded at once; one for each core by default.", _ROWS, min=1)]
Device = Annotated[str, _option("auto, cpu, cuda, cuda:N or mps.", _TRAINING)]
Seed = Annotated[int, _option("Seed of every random number.", _TRAINING, min=0, max=2**32 - 1)]


class _Judged(SystemExit):
    """How `gate` hands its exit code to `main`, to which typer's own 1 means something else."""


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"noisecleaner {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit."),
    ] = False,
    # read in `main`, so that it works before and behind the command
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Find the wrong labels in an image dataset, using the few labels you have verified, and get the clean set.

    Example: noisecleaner fit images/ --trusted verified.csv --out runs/first
    """


@app.command()
def fit(
    ctx: typer.Context,
    data: Data,
    out: Out,
    trusted: TrustedOrNone = None,
    method: Annotated[str, _option("Rule that weighs the rows; see `noisecleaner methods`.")] = "soseleto",
    option: Annotated[
        list[str] | None, _option("NAME=VALUE, an option of the method; REGULARISER.NAME=VALUE, of that; repeatable.")
    ] = None,
    transfer: Annotated[
        bool,
        typer.Option(
            "--transfer", help="The trusted rows are another task, with classes of their own; find what helps it."
        ),
    ] = False,
    regulariser: Annotated[
        list[str] | None, _option("Term that changes the loss; see `noisecleaner methods`; repeatable.")
    ] = None,
    unlabelled: Annotated[
        str | None, _option("Table or folder of the target's rows without labels, for --regulariser lautum.")
    ] = None,
    irrelevant: Annotated[
        str | None, _option("Table or folder with the --irrelevant-column, if it is not in the dataset.")
    ] = None,
    irrelevant_column: Annotated[
        str | None, _option("Column with a label that is irrelevant to the task, for --regulariser purified.", _ROWS)
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a run that is there.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with an interrupted run.")] = False,
    image_column: ImageColumn = "image",
    label_column: LabelColumn = "label",
    id_column: IdColumn = "sample_id",
    trusted_column: TrustedColumn = "trusted_label",
    embedding_column: EmbeddingColumn = None,
    probabilities_column: ProbabilitiesColumn = None,
    row_ids: RowIds = False,
    allow_absolute: AllowAbsolute = False,
    strict: Strict = False,
    max_pixels: MaxPixels = None,
    threads: Threads = None,
    backbone: Annotated[str | None, _option("Name of a network; efficientnet-lite0 if installed.", _MODEL)] = None,
    frozen: Annotated[
        bool | None, _option("Train only a head on the backbone's features; so if it is pretrained.", _MODEL)
    ] = None,
    pretrained: Annotated[
        bool, typer.Option("--pretrained", help="Load published weights.", rich_help_panel=_MODEL)
    ] = False,
    weights: Annotated[Path | None, _option("Safetensors file with the backbone's weights.", _MODEL)] = None,
    image_size: Annotated[int | None, _option("Edge length images are resized to.", _MODEL, min=8)] = None,
    hidden: Annotated[
        int, _option("Units of a hidden layer in the head on features; 0 for none.", _MODEL, min=0, max=65_536)
    ] = 0,
    epochs: Annotated[int | None, _option("Passes over the data.", _TRAINING)] = None,
    batch_size: Annotated[int, _option("Rows in a step.", _TRAINING)] = 128,
    trusted_batch: Annotated[int, _option("Trusted rows in a step.", _TRAINING)] = 64,
    learning_rate: Annotated[float | None, _option("At the start of its cosine.", _TRAINING)] = None,
    weight_decay: Annotated[float | None, _option("L2 penalty.", _TRAINING, min=0)] = None,
    folds: Annotated[int | None, _option("Training runs for cross-fitting, at least 3; or 1.", _TRAINING)] = None,
    checkpoint_seconds: Annotated[float, _option("Least time between checkpoints.", _TRAINING, min=0)] = 30.0,
    seed: Seed = 0,
    device: Device = "auto",
) -> None:
    """Train on a noisy dataset, steered by verified labels, and write a run directory.

    Example: noisecleaner fit images/ --trusted verified.csv --out runs/first
    """
    from noisecleaner.api import Columns, Decoding, Effort, Model, Regularisation, Source
    from noisecleaner.api import fit as run_fit

    columns = Columns(
        image_column,
        label_column,
        id_column,
        trusted_column,
        embedding_column,
        probabilities_column,
        row_ids,
        irrelevant_column,
    )
    own, of_regularisers = _options(option or [], _regularisers(regulariser, unlabelled, irrelevant, irrelevant_column))
    if embedding_column or probabilities_column:
        _refuse({"--threads": threads, "--max-pixels": max_pixels, "--image-column": image_column != "image"}, "images")
    fitted = run_fit(
        Source(data, columns, allow_absolute),
        out,
        trusted=trusted,
        transfer=transfer,
        method=method,
        options=own,
        regularisation=Regularisation(of_regularisers, unlabelled, irrelevant),
        model=Model(backbone, frozen, pretrained, weights, image_size, hidden),
        effort=Effort(epochs, batch_size, trusted_batch, learning_rate, weight_decay, folds, checkpoint_seconds),
        decoding=Decoding(**_given(threads=threads, max_pixels=max_pixels)),
        seed=seed,
        device=device,
        strict=strict,
        overwrite=overwrite,
        resume=resume,
        progress=console.TerminalProgress(),
        interrupts=ctx.obj,
    )
    console.show_fitted(out, fitted)


@app.command()
def score(
    run: Annotated[Path, typer.Argument(help="Run directory that `fit` made.")],
    threshold: Annotated[float | None, _option("Flag rows below it, in [0, 1]; 0.5 by default.")] = None,
    by: Annotated[
        str | None, _option("What the threshold cuts: label_quality or alpha; alpha after a transfer.")
    ] = None,
    target_precision: Annotated[
        float | None, _option("Flag as many rows as keep this share of them truly wrong.", _GOAL)
    ] = None,
    target_noise: Annotated[
        float | None, _option("Keep as many rows as keep the share of wrong ones among them below this.", _GOAL)
    ] = None,
    budget: Annotated[int | None, _option("Flag this many rows, those of lowest quality.", _GOAL)] = None,
    confidence: Annotated[float | None, _option("With which a target must hold; 0.9 by default.", _GOAL)] = None,
    data: Annotated[str | None, _option("Score these rows, which were not fitted, without training.")] = None,
    out: Annotated[Path | None, _option("Where to write with --data; RUN/new/NAME by default.")] = None,
    trusted: Trusted = None,
    image_column: ImageColumn = "image",
    label_column: LabelColumn = "label",
    id_column: IdColumn = "sample_id",
    trusted_column: TrustedColumn = "trusted_label",
    embedding_column: EmbeddingColumn = None,
    probabilities_column: ProbabilitiesColumn = None,
    row_ids: RowIds = False,
    allow_absolute: AllowAbsolute = False,
    strict: Strict = False,
    max_pixels: MaxPixels = None,
    device: Device = "auto",
) -> None:
    """Write label quality, suggestions and flags for every row, and show what matters.

    Example: noisecleaner score runs/first --threshold 0.5
    """
    from noisecleaner.api import Columns, Source, score_new
    from noisecleaner.api import score as score_fitted

    columns = Columns(
        image_column, label_column, id_column, trusted_column, embedding_column, probabilities_column, row_ids
    )
    goal = _goal(threshold, {"precision": target_precision, "noise": target_noise, "budget": budget}, confidence)
    cut: dict[str, Any] = {"goal": goal, **_given(threshold=threshold)}
    if data is None:
        _refuse_new_only(out, strict, max_pixels, allow_absolute, device, columns)
        console.show_summary(score_fitted(run, by=by, trusted=trusted, **cut), run)
        return
    if by == "alpha":
        raise NoisecleanerError("New rows have no alpha, which tells what training did with a row.", "Leave --by out.")
    source = Source(data, columns, allow_absolute)
    target = out or run / "new" / _name_of(source.data)
    summary = score_new(
        run,
        source,
        target,
        trusted=trusted,
        device=device,
        max_pixels=max_pixels,
        strict=strict,
        progress=console.TerminalProgress(),
        **cut,
    )
    console.show_summary(summary, target)


@app.command()
def plan(
    run: Annotated[Path, typer.Argument(help="Run directory after `score`, or the output of `score --data`.")],
    out: Annotated[Path, _option("Table to write (.parquet), with trusted_label to fill in.")],
    count: Annotated[int, _option("Rows to verify.", None, "--n")] = 200,
    seed: Seed = 0,
) -> None:
    """Choose the rows to verify next, so that the noise rate becomes as sharp as it can.

    Example: noisecleaner plan runs/first --n 200 --out verify.parquet
    """
    from noisecleaner.api import plan as draw

    console.show_planned(draw(run, out, count=count, seed=seed), run)


@app.command()
def gate(
    run: Annotated[Path, typer.Argument(help="Run directory after `score`; with --data, after `fit`.")],
    max_noise: Annotated[float | None, _option("Largest share of wrong labels.", _RULES)] = None,
    max_noise_per_class: Annotated[float | None, _option("The same in each class.", _RULES)] = None,
    max_noise_increase: Annotated[
        float | None, _option("Largest rise of the share of wrong labels against --baseline.", _RULES)
    ] = None,
    max_flagged: Annotated[float | None, _option("Largest share of flagged rows among the scored.", _RULES)] = None,
    min_kept_per_class: Annotated[int | None, _option("Fewest rows of a class that are not flagged.", _RULES)] = None,
    min_audited: Annotated[int | None, _option("Fewest verified rows.", _RULES)] = None,
    baseline: Annotated[Path | None, _option("Scored run that --max-noise-increase compares with.", _RULES)] = None,
    warn: Annotated[list[str] | None, _option("Name of a rule that shall only warn; repeatable.", _RULES)] = None,
    on_inconclusive: Annotated[
        str | None, _option("fail, warn or pass where audited rows cannot tell; exit code 3 by default.", _RULES)
    ] = None,
    config: Annotated[
        Path | None, _option("TOML file with a table \\[gate]; noisecleaner.toml by default, if it is there.", _RULES)
    ] = None,
    format: Annotated[str, _option(f"What is written: {', '.join(['console', *format_names()])}.")] = "console",
    output: Annotated[Path | None, _option("File to write instead of stdout.")] = None,
    data: Annotated[str | None, _option("Judge these rows, which were not fitted, without training.")] = None,
    threshold: Annotated[float | None, _option("With --data: flag rows below it; 0.5 by default.")] = None,
    out: Annotated[Path | None, _option("Where scores are written with --data; RUN/new/NAME by default.")] = None,
    trusted: Trusted = None,
    image_column: ImageColumn = "image",
    label_column: LabelColumn = "label",
    id_column: IdColumn = "sample_id",
    trusted_column: TrustedColumn = "trusted_label",
    embedding_column: EmbeddingColumn = None,
    probabilities_column: ProbabilitiesColumn = None,
    row_ids: RowIds = False,
    allow_absolute: AllowAbsolute = False,
    strict: Strict = False,
    max_pixels: MaxPixels = None,
    device: Device = "auto",
) -> None:
    """Judge a scored run by rules, for CI: exit code 0 passed, 1 failed, 3 the audited rows cannot tell.

    Example: noisecleaner gate runs/first --max-noise 0.05
    """
    from noisecleaner.api import Columns, Rule, Source, gather_rules, score_new
    from noisecleaner.api import gate as judge
    from noisecleaner.gate import read_baseline
    from noisecleaner.methods import check_choice

    check_choice("--format", format, ["console", *format_names()])
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
    columns = Columns(
        image_column, label_column, id_column, trusted_column, embedding_column, probabilities_column, row_ids
    )
    if data is None:
        _refuse({"--threshold": threshold is not None}, "--data")
        _refuse({"--trusted": trusted}, "--data")
        _refuse_new_only(out, strict, max_pixels, allow_absolute, device, columns)
        _conclude(judge(run, rules), format, output)
    source = Source(data, columns, allow_absolute)
    target = out or run / "new" / _name_of(source.data)
    read_baseline(rules, target)  # before the long part
    score_new(
        run,
        source,
        target,
        trusted=trusted,
        device=device,
        max_pixels=max_pixels,
        strict=strict,
        progress=console.TerminalProgress(),
        **_given(threshold=threshold),
    )
    _conclude(judge(target, rules), format, output)


@app.command()
def export_clean(
    scored: Annotated[Path, typer.Argument(help="Run directory after `score`, or the output of `score --data`.")],
    out: Out,
    on_flag: Annotated[str, _option("What happens to flagged rows: drop, relabel or keep.")] = "drop",
    threshold: Annotated[
        float | None, _option("Flag rows of lower label quality; as they were scored by default.")
    ] = None,
    min_confidence: Annotated[
        float, _option("With relabel: drop rows whose suggestion is less certain.", min=0, max=1)
    ] = 0.0,
    format: Annotated[str | None, _option("folder or parquet; what the input was by default.")] = None,
    data: Annotated[str | None, _option("Where the dataset is now, if it has moved since the fit.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count.")] = False,
) -> None:
    """Write a clean copy of the dataset; the dataset itself is never touched.

    Example: noisecleaner export-clean runs/first --out clean --on-flag drop
    """
    from noisecleaner.api import Format, OnFlag
    from noisecleaner.api import export_clean as export
    from noisecleaner.methods import check_choice

    check_choice("--on-flag", on_flag, [choice.value for choice in OnFlag])
    _refuse({"--min-confidence": min_confidence and on_flag != "relabel"}, "--on-flag relabel")
    if format is not None:
        check_choice("--format", format, [choice.value for choice in Format])
    exported = export(
        scored,
        out,
        on_flag=OnFlag(on_flag),
        threshold=threshold,
        min_confidence=min_confidence,
        format=Format(format) if format else None,
        data=data,
        dry_run=dry_run,
        progress=console.TerminalProgress(),
    )
    console.show_exported(exported, dry_run)


@app.command()
def corrupt(
    data: Data,
    out: Out,
    kind: Annotated[str, _option("symmetric, asymmetric or confusion.")] = "symmetric",
    rate: Annotated[float, _option("Share of labels to make wrong, in [0, 1].")] = 0.4,
    pair: Annotated[
        list[str] | None,
        _option("TRUE=WRONG, for asymmetric; repeatable. Each class to the next by default."),
    ] = None,
    seed: Seed = 0,
    image_column: ImageColumn = "image",
    label_column: LabelColumn = "label",
    id_column: IdColumn = "sample_id",
    embedding_column: EmbeddingColumn = None,
    row_ids: RowIds = False,
    allow_absolute: AllowAbsolute = False,
) -> None:
    """Copy a dataset with known wrong labels put in: data.parquet, and truth.parquet to check against.

    Example: noisecleaner corrupt images/ --out noisy --kind symmetric --rate 0.4
    """
    from noisecleaner.api import Columns, Kind, Source
    from noisecleaner.api import corrupt as put_noise
    from noisecleaner.methods import check_choice

    check_choice("--kind", kind, [choice.value for choice in Kind])
    _refuse({"--pair": bool(pair) and kind != "asymmetric"}, "--kind asymmetric")
    columns = Columns(
        image=image_column,
        label=label_column,
        sample_id=id_column,
        embedding=embedding_column,
        row_ids=row_ids,
    )
    corruption = put_noise(
        Source(data, columns, allow_absolute),
        out,
        kind=Kind(kind),
        rate=rate,
        seed=seed,
        pairs=dict(_split(text, "--pair") for text in pair or []),
        progress=console.TerminalProgress(),
    )
    console.show_corruption(corruption)


@app.command()
def methods() -> None:
    """List the methods and regularisers with their options, and the backbones.

    Example: noisecleaner methods
    """
    from noisecleaner.methods import backbone_names
    from noisecleaner.methods import methods as all_methods
    from noisecleaner.methods import regularisers as all_regularisers

    console.show_methods(all_methods(), all_regularisers(), backbone_names())


@app.command()
def bench(
    ctx: typer.Context,
    paper: Annotated[str, typer.Argument(help=f"Experiment to rerun: {', '.join(experiment_names())}.")],
    out: Annotated[Path, _option("Directory of the results; finished runs in it are not repeated.")],
    data: Annotated[
        Path | None, _option("Directory with the datasets, such as cifar10/; none for synthetic ones.")
    ] = None,
    seeds: Annotated[int, _option("How often each row of the paper's table is run.")] = 3,
    scale: Annotated[
        float | None, _option("Share of the paper's size, in (0, 1]; what suits two CPU cores by default.")
    ] = None,
    option: Annotated[list[str] | None, _option("NAME=VALUE, an option of the experiment; repeatable.")] = None,
    device: Device = "auto",
) -> None:
    """Rerun a paper's experiment at a size that fits the machine, and put the paper's numbers beside ours.

    Example: noisecleaner bench soseleto-cifar10 --data ../data --out bench
    """
    from noisecleaner.api import bench as run_bench

    benchmark = run_bench(
        paper,
        out,
        data=data,
        seeds=seeds,
        scale=scale,
        device=device,
        options=dict(_pair(text, "--option") for text in option or []),
        progress=console.TerminalProgress(),
        interrupts=ctx.obj,
    )
    console.show_bench(benchmark)


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command line and exit with its code."""
    given = sys.argv[1:] if arguments is None else arguments
    debug = "--debug" in given
    words = [word for word in given if word != "--debug"]
    interrupts = Interrupts()
    try:
        with interrupts.installed(), warnings.catch_warnings():
            # torch's forward mode compiles decompositions with its own deprecated torch.jit
            warnings.filterwarnings("ignore", category=FutureWarning, module=r"torch\.")
            app(words, obj=interrupts)
    except _Judged as verdict:
        sys.exit(verdict.code)
    except SystemExit as stop:
        # typer's only use of 1 is a reader that has closed the pipe; a gate that has failed is caught above
        sys.exit(128 + 13 if stop.code == 1 else stop.code)
    except NoisecleanerError as error:
        _show_traceback_if(debug)
        console.show_error(error.message, error.hint)
        sys.exit(error.exit_code)
    except OSError as error:
        _show_traceback_if(debug)
        console.show_error(
            f"The system refused: {error}.",
            "Check free space, permissions and the path; what stood there before is untouched.",
        )
        sys.exit(2)
    except Interrupted as stop:
        console.show_error("Interrupted.", _how_to_go_on(words, stop.resumable))
        sys.exit(128 + stop.signum)
    except Exception as error:
        _show_traceback_if(debug)
        hint = "" if debug else "Run the command again with --debug and report what it shows."
        console.show_error(f"This is a bug in noisecleaner ({type(error).__name__}: {error}).", hint)
        sys.exit(70)
    sys.exit(0)


def _show_traceback_if(debug: bool) -> None:
    if debug:
        console.show_traceback()


def _how_to_go_on(words: list[str], resumable: bool) -> str:
    """What to type after an interrupted command."""
    if words[:1] == ["bench"]:
        return f"Go on where it stopped with: noisecleaner {shlex.join(words)}"
    if not resumable:
        return f"Start again with: noisecleaner {shlex.join(words)}"
    again = [word for word in words if word not in ("--overwrite", "--resume")]
    return f"Go on where it stopped with: noisecleaner {shlex.join([*again, '--resume'])}"


def _regularisers(
    chosen: list[str] | None, unlabelled: str | None, irrelevant: str | None, column: str | None
) -> list[str]:
    """The regularisers that were named, and those whose rows were."""
    names = dict.fromkeys(chosen or [])
    if unlabelled:
        names["lautum"] = None
    if irrelevant or column:
        names["purified"] = None
    return list(names)


def _options(texts: list[str], regularisers: list[str]) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """Sort NAME=VALUE to the method, and REGULARISER.NAME=VALUE to the regulariser."""
    own: dict[str, Any] = {}
    others: dict[str, dict[str, Any]] = {name: {} for name in regularisers}
    for text in texts:
        name, value = _pair(text, "--option")
        regulariser, dot, rest = name.partition(".")
        if not dot:
            own[name] = value
        elif regulariser in others:
            others[regulariser][rest] = value
        else:
            raise NoisecleanerError(
                f"--option {name} is for --regulariser {regulariser}, which was not chosen.",
                f"Add --regulariser {regulariser}, or leave the option out.",
            )
    return own, others


def _pair(text: str, option: str) -> tuple[str, Any]:
    """Split NAME=VALUE, and read the value as a number, true, false or none where it is one."""
    name, value = _split(text, option)
    words: dict[str, Any] = {"true": True, "false": False, "none": None}
    if value.lower() in words:
        return name, words[value.lower()]
    for kind in (int, float):
        try:
            return name, kind(value)
        except ValueError:
            continue
    return name, value


def _split(text: str, option: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise NoisecleanerError(f"{option} takes NAME=VALUE, but it is {text!r}.", f"Write {option} name=value.")
    return name, value


def _goal(threshold: float | None, targets: dict[str, float | None], confidence: float | None) -> Goal | None:
    """The one goal that was asked for instead of a threshold."""
    from noisecleaner.api import Goal

    options = {"precision": "--target-precision", "noise": "--target-noise", "budget": "--budget"}
    asked = {kind: value for kind, value in targets.items() if value is not None}
    names = [*(["--threshold"] if threshold is not None else []), *(options[kind] for kind in asked)]
    if len(names) > 1:
        raise NoisecleanerError(f"One rule sets the threshold, but {' and '.join(names)} are given.", "Keep one.")
    _refuse({"--confidence": confidence is not None and not asked.keys() - {"budget"}}, "a target")
    for kind, value in asked.items():
        return Goal(kind, value, **_given(confidence=confidence))  # type: ignore[arg-type]  # a key of `options`
    return None


def _name_of(data: str) -> str:
    """Name the scores of a dataset after it, and after its whole path: two files may share a name."""
    return f"{re.sub(r'[^A-Za-z0-9]+', '-', Path(data).stem).strip('-')}-{zlib.crc32(data.encode()):08x}"


def _refuse(given: Mapping[str, object], needs: str) -> None:
    """Refuse options that would do nothing here."""
    useless = [name for name, value in given.items() if value]
    if useless:
        raise NoisecleanerError(
            f"{' and '.join(useless)} would do nothing: only for {needs}.", f"Add {needs}, or leave that out."
        )


def _refuse_new_only(
    out: Path | None,
    strict: bool,
    max_pixels: int | None,
    allow_absolute: bool,
    device: str,
    columns: Columns,
) -> None:
    """Refuse the options about new rows where there are none."""
    from noisecleaner.api import Columns

    new_only: dict[str, object] = {"--out": out, "--strict": strict}
    new_only |= {"--max-pixels": max_pixels, "--allow-absolute": allow_absolute, "--device": device != "auto"}
    _refuse(new_only | {"column options": columns != Columns()}, "--data")


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
    from noisecleaner.formats import github, render

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
            console.TerminalProgress().warn(f"GITHUB_STEP_SUMMARY cannot be written: {error}.")
    raise _Judged(verdict.exit_code)


def _given(**values: Any) -> dict[str, Any]:
    """Leave out the options that were not given, so that the library's defaults hold."""
    return {name: value for name, value in values.items() if value is not None}
