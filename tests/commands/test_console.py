"""Every word that a command prints at its end, for small values made by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from support.gates import counted
from support.scored import noise_of, sampled

from noisecleaner.bench._contract import Row
from noisecleaner.bench._runner import Benchmark
from noisecleaner.bench._table import Line
from noisecleaner.commands import console
from noisecleaner.export.corrupt import Corruption
from noisecleaner.export.expectation import Expectation
from noisecleaner.export.formats import Format
from noisecleaner.export.result import ExportResult
from noisecleaner.gate.flagged import FlaggedRows
from noisecleaner.gate.limits import Level, OnInconclusive, Unit
from noisecleaner.gate.verdicts import Finding, Outcome, Verdict
from noisecleaner.ingest import Columns, Source
from noisecleaner.noise.goal import Goal
from noisecleaner.noise.ranking import Ranking, Rankings
from noisecleaner.noise.rate import UNKNOWN, Rate
from noisecleaner.notices import Notice, Severity
from noisecleaner.planning import DataPlanResult, PlanResult, RecheckResult
from noisecleaner.quality.calibration import Reliability
from noisecleaner.registry import PlugIn
from noisecleaner.runs.record import FitResult
from noisecleaner.runs.summary import ClassLine, Confusion, Summary, Suspect

Capture = pytest.CaptureFixture[str]

#: Forty per cent of 200.
RATE = replace(sampled(80, 200), value=0.4017, low=0.3681, high=0.43605)
RANKING = Ranking(auroc=0.9371, low=0.9044, high=0.9651, wrong=80, right=120)
SUMMARY = Summary(
    rows=3000,
    skipped={"no_label": 2, "unreadable": 1},
    unknown_classes={},
    flagged=1200,
    unlabelled=0,
    corrected=0,
    kept=1797,
    by="label_quality",
    threshold=0.5,
    goal=None,
    noise=noise_of({"cat": RATE, "dog": UNKNOWN}, RATE),
    kept_noise=sampled(10, 100),
    model="audited",
    reliability=Reliability(error=0.0414, by_chance=0.0361, rows=200),
    rankings=Rankings(overall=RANKING, within_classes=RANKING),
    judged=200,
    classes=[ClassLine(name="cat", rows=1000, flagged=600, noise=RATE)],
    confusions=[Confusion(given="cat", suggested="dog", rows=500)],
    suspects=[
        Suspect(sample_id="r1", given="cat", suggested="dog", value=0.00123),
        Suspect(sample_id="r2\x1b[31m", given=None, suggested="", value=0.1),
    ],
)


@pytest.fixture(autouse=True)
def _pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    """No terminal, and no width of one."""
    monkeypatch.delenv("COLUMNS", raising=False)


def lines(capfd: Capture) -> list[str]:
    """What was printed, without the spaces that fill a table's last column."""
    captured = capfd.readouterr()
    assert captured.err == ""
    return [line.rstrip() for line in captured.out.splitlines()]


def test_an_error_is_one_paragraph_in_words_that_one_types(capfd: Capture) -> None:
    console.show_error("`seed` is odd: \x1b[31m.", "Give `seed=2`, see `methods()`.")
    captured = capfd.readouterr()
    assert captured.out == ""
    assert captured.err == "Error: --seed is odd: �[31m. Give --seed 2, see `noisecleaner methods`.\n"


def test_what_a_fit_says(capfd: Capture) -> None:
    fitted = FitResult(
        rows=3000,
        skipped={},
        audited=300,
        clean_only=0,
        judging=100,
        judged_wrong=40,
        quality="audited",
        seconds={"features": 10.4, "training": 20.2},
    )
    console.show_fitted(Path("runs/first"), fitted)
    console.show_fitted(Path("run"), replace(fitted, clean_only=50, skipped={"no label": 1200}))
    assert lines(capfd) == [
        "Fitted 3,000 rows (0 skipped) with 300 audited trusted rows in 31 s.",
        "Next: noisecleaner score runs/first --threshold 0.5",
        "Fitted 3,000 rows (1,200 skipped: 1,200 no label) with 300 audited and 50 clean-only trusted rows in 31 s.",
        "Next: noisecleaner score run --threshold 0.5",
    ]


def test_what_a_score_says(capfd: Capture) -> None:
    console.show_summary(SUMMARY, Path("runs/first"), listed=1200)
    assert lines(capfd) == [
        "Noise    40.2 % (36.8 to 43.6) of the labels are wrong (95 % interval; 200 audited rows, Wilson)",
        "Rows     3,000, of which 2,997 scored; 3 skipped: 2 no_label, 1 unreadable",
        "Flagged  1,200 rows (40.0 %) with label_quality < 0.5",
        "Kept     1,797 rows (60.0 %); 10.0 % (5.5 to 17.4) wrong among them (100 audited rows)",
        "Quality  label_quality is calibrated on 200 audited rows, each judged by a model that has not seen it; "
        "calibration error 0.041 (chance: 0.036); scores tell wrong from right with AUROC 0.94 (0.90 to 0.97)",
        "",
        "Worst classes",
        "given label    rows   flagged    share   noise (95 % interval)",
        "cat           1,000       600   60.0 %   40.2 % (36.8 to 43.6)",
        "",
        "Most likely confusions",
        "given label   looks like   flagged rows",
        "cat           dog                   500",
        "",
        "Most suspicious rows (lowest label_quality)",
        "sample_id   given label   suggested   label_quality",
        "r1          cat           dog                0.0012",
        "r2�[31m     None                             0.1000",
        "Wrote scores.parquet, report.parquet, noise.json and flagged.csv to runs/first.",
    ]


def test_a_list_that_is_cut_says_so(capfd: Capture) -> None:
    console.show_summary(SUMMARY, Path("run"), listed=1000)
    last = "flagged.csv lists the worst 1,000 of 1,200 flagged rows: --top lists more."
    assert lines(capfd)[-1] == last


@pytest.mark.parametrize(
    ("noise", "words"),
    [
        (UNKNOWN, "unknown: verify rows drawn at random and pass them with --trusted"),
        (
            replace(RATE, method="prediction-powered"),
            "40.2 % (36.8 to 43.6) of the labels are wrong (95 % interval; 200 audited rows, sharpened by the scores)",
        ),
        (
            Rate.expected(0.333, "planted"),
            "about 33.3 % of the labels are wrong (expected by label_quality; no audited rows, so no interval)",
        ),
    ],
)
def test_how_the_noise_is_told(capfd: Capture, noise: Rate, words: str) -> None:
    console.show_summary(replace(SUMMARY, noise=noise_of({}, noise)), Path("run"), listed=1200)
    assert lines(capfd)[0] == f"Noise    {words}"


@pytest.mark.parametrize(
    ("goal", "unlabelled", "words"),
    [
        (Goal("budget", 1200), 0, "label_quality < 0.5 (budget of 1,200 rows)"),
        (Goal("precision", 0.8), 0, "label_quality < 0.5 (precision at least 0.8 with 90% confidence)"),
        (Goal("noise", 0.05, confidence=0.95), 0, "< 0.5 (noise of the kept rows at most 0.05 with 95% confidence)"),
        (None, 1500, "label_quality < 0.5, or without a label (1,500)"),
    ],
)
def test_why_rows_are_flagged(capfd: Capture, goal: Goal | None, unlabelled: int, words: str) -> None:
    console.show_summary(replace(SUMMARY, goal=goal, unlabelled=unlabelled), Path("run"), listed=1200)
    assert lines(capfd)[2].endswith(words)


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("planted", "for want of enough verified errors; calibration error 0.041 (chance: 0.036)"),
        ("transfer", "alpha says how much a row helped the target, whose classes are others (no label quality)"),
        ("uncalibrated", "label_quality is the network's uncalibrated probability of the given label"),
    ],
)
def test_how_label_quality_was_made(capfd: Capture, model: str, words: str) -> None:
    console.show_summary(replace(SUMMARY, model=model, rankings=None), Path("run"), listed=1200)
    assert lines(capfd)[4].endswith(words)


def test_flags_that_nothing_calibrates_are_a_ranking_and_no_finding(capfd: Capture) -> None:
    said = "rows (40.0 %) with label_quality < 0.5: a ranking of what to look at first, and no finding, because"
    void = Notice(code="picked", message="They were picked.", severity=Severity.VOID)
    for summary in (replace(SUMMARY, model="uncalibrated"), replace(SUMMARY, notices=(void,))):
        console.show_summary(summary, Path("run"), listed=1200)
        assert any(said in line for line in lines(capfd))
    for summary in (SUMMARY, replace(SUMMARY, model="planted")):
        console.show_summary(summary, Path("run"), listed=1200)
        assert not any(said in line for line in lines(capfd))


def test_too_few_verified_rows_to_rank_are_said(capfd: Capture) -> None:
    few = Ranking(auroc=1.0, low=None, high=None, wrong=2, right=198)
    console.show_summary(replace(SUMMARY, rankings=Rankings(overall=few, within_classes=few)), Path("run"), listed=1200)
    assert lines(capfd)[4].endswith(
        "; scores tell wrong from right with an AUROC that is unknown (2 wrong and 198 right verified rows are too few)"
    )


def test_a_summary_of_nothing_has_no_tables(capfd: Capture) -> None:
    nothing = replace(
        SUMMARY, rows=0, skipped={}, flagged=0, kept=0, kept_noise=UNKNOWN, reliability=None, rankings=None
    )
    console.show_summary(replace(nothing, classes=[], confusions=[], suspects=[]), Path("run"), listed=1200)
    assert lines(capfd)[1:] == [
        "Rows     0, of which 0 scored; 0 skipped",
        "Flagged  0 rows (0 %) with label_quality < 0.5",
        "Kept     0 rows (0 %)",
        "Quality  label_quality is calibrated on 200 audited rows, each judged by a model that has not seen it",
        "Wrote scores.parquet, report.parquet, noise.json and flagged.csv to run.",
    ]


PLANNED = PlanResult(
    path=Path("verify.parquet"),
    drawn_from=Source("/images"),
    new=1200,
    known=300,
    shrinks=0.6789,
    scores=Path("runs/first"),
    run=Path("/runs/first"),
    source=None,
)


def test_what_a_plan_says(capfd: Capture) -> None:
    console.show_planned(PLANNED)
    assert lines(capfd) == [
        "Wrote verify.parquet: 1,200 rows to verify and 300 that are verified already. The interval of the noise rate "
        "should be 0.68 times as long as with rows drawn evenly.",
        "Next: noisecleaner review verify.parquet --out verify.html",
        "It shows the images, and gives a verified.csv to pass in place of verify.parquet. Or fill in the column "
        "trusted_label there with the true class of each row, and keep the other columns.",
        "Then: noisecleaner score runs/first --trusted verify.parquet",
    ]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (Source("/new.parquet"), "--data /new.parquet"),
        (Source("/n", columns=Columns(label_names=("no", "yes"))), "--data /n"),
        (
            Source("/my data", columns=Columns(label="my`label", row_ids=True), allow_absolute=True),
            "--data '/my data' --label-column 'my`label' --row-ids --allow-absolute",
        ),
        (
            Source("/d", columns=Columns(image="i", sample_id="k", trusted="t", embedding="e", probabilities="p")),
            "--data /d --image-column i --id-column k --trusted-column t --embedding-column e --probabilities-column p",
        ),
    ],
)
def test_new_rows_are_named_again(capfd: Capture, source: Source, words: str) -> None:
    console.show_planned(replace(PLANNED, source=source, scores=Path("out")))
    assert lines(capfd)[-1] == f"Then: noisecleaner score /runs/first {words} --out out --trusted verify.parquet"


MINE = Source("/my images", columns=Columns(label="my label", row_ids=True))
FIRST = DataPlanResult(path=Path("to do.csv"), drawn_from=MINE, new=300, known=0, rows=50_000, unreadable=0)


def test_what_a_plan_before_any_fit_says(capfd: Capture) -> None:
    console.show_planned_first(FIRST, None)
    assert lines(capfd) == [
        "Wrote to do.csv: 300 rows to verify, drawn evenly from 50,000 with a given label. It does not tell "
        "that label.",
        "Next: noisecleaner review 'to do.csv' --data '/my images' --label-column 'my label' --row-ids "
        "--out 'to do.html'",
        "It shows the images, and gives a verified.csv to pass in place of to do.csv. Or fill in the column "
        "trusted_label there with the true class of each row, and keep the other columns.",
        "Then: noisecleaner fit '/my images' --label-column 'my label' --row-ids --trusted 'to do.csv' "
        "--out runs/first",
    ]
    notice = Notice(code="ids-respelled", message="Ids may change.")
    console.show_planned_first(replace(FIRST, known=7, unreadable=2, notices=(notice,)), None)
    told = capfd.readouterr()
    assert "300 rows to verify and 7 that are verified already, drawn evenly" in told.out
    assert "with a given label, leaving out 2 whose image does not open." in told.out
    assert told.err == "Warning: Ids may change.\n"


@pytest.mark.parametrize(("names", "told"), [(None, "FILE"), ("my names.txt", "'my names.txt'")])
def test_class_names_are_told_again(capfd: Capture, names: str | None, told: str) -> None:
    source = Source("/d", columns=Columns(image="it`s", label_names=("no", "yes")), none_label="other", label_level=2)
    console.show_planned_first(replace(FIRST, drawn_from=source), names)
    options = f"--image-column 'it`s' --label-names {told} --none-label other --label-level 2"
    found = lines(capfd)
    assert found[1] == f"Next: noisecleaner review 'to do.csv' --data /d {options} --out 'to do.html'"
    assert found[3] == f"Then: noisecleaner fit /d {options} --trusted 'to do.csv' --out runs/first"
    assert found[4:] == ([] if names else ["FILE is the file of class names that was given before."])


RECHECK = RecheckResult(
    path=Path("second.parquet"),
    drawn_from=Source("/images"),
    scores=Path("runs/first"),
    run=Path("/runs/first"),
    source=None,
    rows=60,
    verified=1300,
    looked_at=0,
)


def test_what_a_second_look_says(capfd: Capture) -> None:
    console.show_recheck(RECHECK)
    console.show_recheck(replace(RECHECK, looked_at=1200, source=Source("/new.csv")))
    said = [
        "Wrote second.parquet: 60 rows for a second look, drawn evenly from 1,300 verified ones. It does not tell what "
        "was said of them: best look with other eyes than the first time.",
        "Next: noisecleaner review second.parquet --out second.html",
        "It shows the images, and gives a second-looks.csv to pass in place of second.parquet. Or fill in the column "
        "second_label there with the true class of each row, and keep the other columns.",
        "Then: noisecleaner score runs/first --trusted second.parquet",
    ]
    found = lines(capfd)
    assert found[:4] == said
    assert found[4] == said[0].replace("1,300 verified ones", "the 100 of 1,300 verified ones that had none")
    new = "noisecleaner score /runs/first --data /new.csv --out runs/first --trusted second.parquet"
    assert found[7:] == [f"Then: {new}"]


def test_a_look_that_is_not_blind_is_said(capfd: Capture) -> None:
    console.show_recheck(replace(RECHECK, telling=40))
    assert capfd.readouterr().err == (
        "Warning: The sample id or path of 40 rows names the given label: a look is blind only where it is hidden, as "
        "on the page of review.\n"
    )


FINDING = Finding(
    rule="max-noise",
    unit=Unit.SHARE,
    level=Level.ERROR,
    outcome=Outcome.INCONCLUSIVE,
    limit=0.1,
    value=0.1,
    low=0.07,
    high=0.14,
    message="10 % of the labels\nare wrong.",
)
FLAGGED = replace(FINDING, rule="max-flagged", level=Level.WARN, outcome=Outcome.FAILED, message="Too many.")
NOTICES = (
    Notice(code="few-rows", message="They are\nfew."),
    Notice(code="picked", message="They were picked.", severity=Severity.VOID),
    Notice(code="read", message="It was read.", severity=Severity.NOTE),
)
VERDICT = Verdict(
    "runs/first",
    (FINDING, FLAGGED),
    counts=counted(60, missing_file=140),
    flagged=FlaggedRows(),
    notices=NOTICES,
)
JUDGED = [
    "inconclusive  max-noise: 10 % of the labels�are wrong.",
    "failed        max-flagged (warn): Too many.",
    "warning       few-rows: They are�few.",
    "no rate       picked: They were picked.",
    "Gate inconclusive (exit code 3): 0 of 2 rules passed, 1 inconclusive, 1 with a warning; "
    "scored 60 of 200 rows (140 missing_file): runs/first",
]


def test_what_a_gate_says(capfd: Capture) -> None:
    console.show_verdict(VERDICT)
    assert lines(capfd) == JUDGED
    assert console.verdict_text(VERDICT).splitlines() == JUDGED
    console.show_headline(replace(VERDICT, on_inconclusive=OnInconclusive.PASS), Path("verdict.json"))
    assert lines(capfd) == [
        "Gate passed (exit code 0): 1 of 2 rules passed, 1 with a warning; scored 60 of 200 rows (140 missing_file): "
        "runs/first (see verdict.json)"
    ]


def test_a_text_for_machines_is_written_as_it_is(capfd: Capture) -> None:
    console.show_text("é [bold]x[/bold]\ud800\n")
    assert capfd.readouterr().out == "é [bold]x[/bold]?\n"


EXPORTED = ExportResult(
    path=Path("clean"),
    format=Format("folder"),
    rows=3000,
    written=1800,
    dropped=1100,
    relabelled=0,
    corrected=0,
    verified=300,
    no_class=0,
    skipped=100,
    empty_classes=[],
    expectation=Expectation(sampled(15, 300)),
    by="alignment",
    threshold=0.4,
)


def test_no_line_of_a_table_ends_in_blanks(capfd: Capture) -> None:
    console.show_summary(SUMMARY, Path("run"), listed=1200)
    shown = capfd.readouterr().out.splitlines()
    assert [line for line in shown if line != line.rstrip()] == []


def test_what_an_export_says(capfd: Capture) -> None:
    rest = "1,100 dropped, 0 relabelled, 300 with their verified label, 100 without a score left out."
    console.show_exported(EXPORTED, dry_run=False)
    console.show_exported(EXPORTED, dry_run=True)
    noise = (
        "Expected noise of the copy: 5.0 % (3.1 to 8.1) (95 % interval; 300 audited rows, by the labels that the "
        "copy would give them if nobody had verified them)"
    )
    assert lines(capfd) == [
        f"Wrote 1,800 of 3,000 rows to clean (folder): {rest}",
        "Flagged: alignment < 0.4.",
        noise,
        f"Would write 1,800 of 3,000 rows to clean (folder): {rest}",
        "Flagged: alignment < 0.4.",
        noise,
    ]
    expectation = Expectation(UNKNOWN, "They were picked: pass more with `trusted=FILE`.")
    console.show_exported(replace(EXPORTED, expectation=expectation), dry_run=False)
    assert lines(capfd)[2].endswith("the copy: cannot tell. They were picked: pass more with --trusted FILE.")
    console.show_exported(replace(EXPORTED, corrected=60, no_class=40), dry_run=False)
    rest = "60 with their correction, 300 with their verified label, 40 of no class left out, 100 without a score"
    assert f"0 relabelled, {rest} left out." in lines(capfd)[0]
    expectation = Expectation(sampled(15, 300), corrected=60, agreeing=48, others=sampled(16, 300))
    console.show_exported(replace(EXPORTED, expectation=expectation), dry_run=False)
    assert lines(capfd)[2] == (
        f"{noise}. 60 rows carry corrections, which are taken as right (the scores agree with 48); of the other rows "
        f"{sampled(16, 300).words()} are wrong."
    )
    console.show_exported(replace(EXPORTED, empty_classes=["cat", "dog"]), dry_run=False)
    assert capfd.readouterr().err == "Warning: No row is left of: cat, dog.\n"


def test_what_a_corruption_says(capfd: Capture) -> None:
    console.show_corruption(Corruption(rows=3000, wrong=1201, data=Path("d.parquet"), truth=Path("t.parquet")))
    assert lines(capfd) == ["Wrote d.parquet (1,201 of 3,000 labels were changed, 40.0 %) and t.parquet."]


def test_what_there_is_to_choose_from(capfd: Capture) -> None:
    method = PlugIn(name="l2b", description="Learning to bootstrap.", options={"warmup": "0", "rate": "0.1"})
    console.show_methods([method], [PlugIn("lautum", "Lautum information.", {})], ["lenet", "resnet", "any other"])
    assert lines(capfd) == [
        "",
        "Methods (--method NAME, --option NAME=VALUE)",
        "method   what it is               options",
        "l2b      Learning to bootstrap.   warmup=0, rate=0.1",
        "",
        "Regularisers (--regulariser NAME, --option REGULARISER.NAME=VALUE)",
        "regulariser   what it is            options",
        "lautum        Lautum information.",
        "",
        "Backbones (--backbone NAME): lenet, resnet, and any other. A+B joins the features of two frozen ones.",
    ]


def test_what_a_benchmark_says(capfd: Capture) -> None:
    row = Row("l2b", {"noise_rate": 0.4}, paper={"accuracy": 0.9})
    benchmark = Benchmark(
        paper="l2b-cifar10",
        scale=0.3,
        device="cpu",
        backbone=None,
        lines=(Line(row, "accuracy", (0.8, 0.9)), Line(row, "test_loss", (1.25,))),
        table=Path("bench/runs.parquet"),
        seconds=1234.5,
    )
    console.show_bench(benchmark)
    assert lines(capfd) == [
        "",
        "l2b-cifar10, scale 0.3, cpu",
        "noise rate   method   metric       paper   ours              seeds",
        "0.4          l2b      accuracy    0.9000   0.8500 ± 0.0707       2",
        "0.4          l2b      test loss            1.2500                1",
        "",
        "Mean ± standard deviation over the seeds; 1,234 s of runs. Wrote bench/runs.parquet.",
    ]
