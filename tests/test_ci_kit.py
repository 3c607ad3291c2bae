"""What other repositories take for their CI: the action, the hook, the image, and an installation without torch."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import typer
import yaml
from support.scored import make_run

from noisecleaner.cli import app

ROOT = Path(__file__).parent.parent
ACTION = ROOT / ".github" / "actions" / "gate"
#: Of the JSON schema store, as the package check-jsonschema 0.39 (Apache-2.0) brings it.
SCHEMA = Path(__file__).parent / "support" / "schemas" / "github-action.json"
DOCUMENT = yaml.safe_load((ACTION / "action.yml").read_text("utf-8"))
STEPS = {step["name"]: step for step in DOCUMENT["runs"]["steps"]}


@dataclass(frozen=True)
class Done:
    """What a step of an action leaves behind."""

    code: int
    out: str
    summary: str
    outputs: dict[str, str]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A repository with images and a scored run in which 10 % (7.1 to 13.9) of the labels are wrong."""
    bin = tmp_path / "bin"
    bin.mkdir()
    for name, words in {"noisecleaner": "-m noisecleaner", "python": ""}.items():
        (bin / name).write_text(f'#!/bin/sh\nexec {sys.executable} {words} "$@"\n')
        (bin / name).chmod(0o755)
    home = tmp_path / "my repository"
    make_run(home / "runs" / "first", images=home / "images")
    return home


def judge(home: Path, **inputs: str) -> Done:
    """Run the step as GitHub does: inputs become variables, and bash stops at the first error."""
    step, known = STEPS["Judge"], DOCUMENT["inputs"]
    values = {name: str(entry.get("default", "")) for name, entry in known.items()} | inputs
    env = {
        name: re.sub(r"\$\{\{ inputs\.(\w+) \}\}", lambda m: values[m[1]], text) for name, text in step["env"].items()
    }
    (home.parent / "step.sh").write_text(step["run"])
    files = {name: home.parent / name for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
    for file in files.values():
        file.write_text("")
    path = {"PATH": f"{home.parent / 'bin'}:/usr/bin:/bin", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(home.parent / "step.sh")],
        cwd=home,
        env={**env, **path, **{name: str(file) for name, file in files.items()}},
        capture_output=True,
        text=True,
        check=False,
    )
    lines = files["GITHUB_OUTPUT"].read_text().splitlines()
    outputs = dict(line.split("=", 1) for line in lines)
    assert len(outputs) == len(lines)
    return Done(done.returncode, done.stdout + done.stderr, files["GITHUB_STEP_SUMMARY"].read_text(), outputs)


def test_the_first_step_installs_what_is_here_without_torch(home: Path) -> None:
    """Its words, as bash makes them; `.ci/lowest` runs such an installation, which loads half a gigabyte."""
    (home.parent / "bin" / "python").write_text('#!/bin/sh\nprintf "%s\\n" "$*" >> "$CALLED"\n')
    called = home.parent / "called"
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", STEPS["Install noisecleaner"]["run"]],
        env={"PATH": f"{home.parent / 'bin'}:/usr/bin:/bin", "ACTION": str(ACTION), "CALLED": str(called)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    first, second = (line.split() for line in called.read_text().splitlines())
    assert first[:3] == second[:3] == ["-m", "pip", "install"]
    assert Path(first[-1]).resolve() == ROOT / ".github" / "without-torch.txt"
    assert (Path(second[-1]) / "pyproject.toml").resolve() == ROOT / "pyproject.toml"
    assert "--no-deps" in second


def test_the_action_is_one() -> None:
    jsonschema.Draft7Validator(json.loads(SCHEMA.read_text("utf-8"))).validate(DOCUMENT)


def test_no_input_becomes_a_part_of_a_script() -> None:
    for step in STEPS.values():
        assert "${{" not in step["run"]
        assert step["shell"] == "bash"


@pytest.mark.parametrize(
    ("options", "code", "outcome"),
    [
        ("--max-noise 0.14", 0, "passed"),
        ("--max-noise 0.07", 1, "failed"),
        ("--max-noise 0.1\n--max-flagged 0.5", 3, "inconclusive"),
    ],
)
def test_the_step_ends_with_the_verdict_and_writes_it_everywhere(
    home: Path, options: str, code: int, outcome: str
) -> None:
    done = judge(home, run="runs/first", options=options, sarif="true")
    assert done.code == code, done.out
    assert done.outputs == {"exit-code": str(code), "outcome": outcome, "flagged": "150"}
    assert done.summary.startswith(f"### noisecleaner: Gate {outcome} (exit code {code})")
    assert done.summary.count("### noisecleaner") == 1
    assert "::notice title=noisecleaner gate%3A rows::scored 1,000 of 1,001 rows" in done.out
    reports = home / "noisecleaner-gate"
    assert sorted(path.name for path in reports.iterdir()) == ["gate.json", "gate.sarif", "gate.xml"]
    assert json.loads((reports / "gate.json").read_text())["exit_code"] == code
    assert len(json.loads((reports / "gate.sarif").read_text())["runs"][0]["results"]) == 150


@pytest.mark.parametrize(
    ("run", "options", "says"),
    [
        ("nowhere", "--max-noise 0.1", "does not exist"),
        ("runs/first", "", "at least one rule"),
    ],
)
def test_what_cannot_be_judged_is_no_verdict(home: Path, run: str, options: str, says: str) -> None:
    done = judge(home, run=run, options=options)
    assert done.code == 2
    assert says in done.out
    assert done.outputs == {"exit-code": "2", "outcome": "error", "flagged": ""}
    assert "ended with exit code 2" in done.summary


def test_a_report_that_cannot_be_written_is_an_error_although_the_gate_passes(home: Path) -> None:
    """Images in a table are no files: there is no SARIF of them."""
    make_run(home / "runs" / "table")
    done = judge(home, run="runs/table", options="--max-noise 0.14", sarif="true")
    assert done.code == 2
    assert done.outputs["outcome"] == "error"


def test_rules_of_a_file_and_a_directory_of_its_own(home: Path) -> None:
    (home / "my rules.toml").write_text("[gate]\nmax-noise = 0.07\n")
    done = judge(home, run="runs/first", config="my rules.toml", reports="my reports")
    assert done.code == 1, done.out
    assert sorted(path.name for path in (home / "my reports").iterdir()) == ["gate.json", "gate.xml"]


#: Notes what it was called with, and judges nothing.
RECORDER = "#!{python}\nimport json, sys\njson.dump(sys.argv[1:], open('called.json', 'w'))\nsys.exit(2)\n"


@pytest.mark.parametrize("text", ["$(touch pwned)", "`touch pwned`", "; touch pwned", "*", "'\"", "a\nexit-code=0"])
def test_an_input_is_no_command(home: Path, text: str) -> None:
    """It reaches the gate as it is, one word or, of the options, several."""
    (home.parent / "bin" / "noisecleaner").write_text(RECORDER.format(python=sys.executable))
    for inputs, words in (
        ({"run": text}, [text, "--max-noise", "0.1"]),
        ({"options": text}, ["run", *text.split()]),
        ({"config": text}, ["run", "--max-noise", "0.1", "--config", text]),
        ({"sarif": text}, ["run", "--max-noise", "0.1"]),
        ({"reports": text}, ["run", "--max-noise", "0.1"]),
    ):
        done = judge(home, **{"run": "run", "options": "--max-noise 0.1", **inputs})
        assert done.code == 2
        assert done.outputs == {"exit-code": "2", "outcome": "error", "flagged": ""}
        assert json.loads((home / "called.json").read_text()) == ["gate", *words, "--format", "github"]
    assert not (home / "pwned").exists()


def test_the_example_names_inputs_and_outputs_that_there_are() -> None:
    (job,) = yaml.safe_load((ACTION / "example.yml").read_text("utf-8"))["jobs"].values()
    (step,) = [step for step in job["steps"] if step.get("uses", "").startswith("OWNER/")]
    assert step["uses"] == f"OWNER/noisecleaner/{ACTION.relative_to(ROOT)}@TAG"
    assert set(step["with"]) <= set(DOCUMENT["inputs"])
    text = (ACTION / "example.yml").read_text("utf-8")
    assert set(re.findall(r"steps\.gate\.outputs\.([\w-]+)", text)) <= set(DOCUMENT["outputs"])
    assert not (ROOT / ".github" / "workflows").exists()


HOOKS = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))


def test_the_hook_judges_where_scores_change() -> None:
    (hook,) = HOOKS
    assert (hook["language"], hook["pass_filenames"]) == ("system", False)
    command, name = hook["entry"].split()
    assert command == "noisecleaner"
    assert name in typer.main.get_group(app).commands
    scored = ("scores.parquet", "noise.json", "scores-manifest.json")
    for path in ("noisecleaner.toml", *(f"runs/first/{name}" for name in scored)):
        assert re.search(hook["files"], path)
    assert not re.search(hook["files"], "images/1.png")


@pytest.mark.skipif(find_spec("pre_commit") is None, reason="the extra `dev` is not installed")
def test_pre_commit_takes_the_hook() -> None:
    words = [sys.executable, "-m", "pre_commit", "validate-manifest", str(ROOT / ".pre-commit-hooks.yaml")]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def requirements(lines: list[str]) -> list[str]:
    return [line for line in lines if line and not line.startswith("#")]


def test_the_requirements_without_torch_are_the_others() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    left = [line for line in project["dependencies"] if not re.match(r"torch(vision)?\b", line)]
    assert len(left) == len(project["dependencies"]) - 2
    assert requirements((ROOT / ".github" / "without-torch.txt").read_text("utf-8").splitlines()) == left
    assert "$root/.github/without-torch.txt" in STEPS["Install noisecleaner"]["run"]
    assert (ACTION / ".." / ".." / ".." / ".github" / "without-torch.txt").exists()


def test_the_image_is_made_of_what_is_there() -> None:
    lines = (ROOT / ".github" / "Dockerfile").read_text("utf-8").splitlines()
    copied = [part for line in lines if line.startswith("COPY ") for part in line.split()[1:-1]]
    built = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    needed = [built["project"]["readme"], *built["project"]["license-files"]]
    needed += built["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert set(copied) == {"pyproject.toml", *needed}
    assert all((ROOT / path).exists() for path in copied)
    assert 'ENTRYPOINT ["noisecleaner"]' in lines
    user = [line.split()[1] for line in lines if line.startswith("USER ")]
    assert user == ["noisecleaner"]


def documented() -> list[dict[str, Any]]:
    text = (ACTION / "README.md").read_text("utf-8")
    return [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", text, flags=re.DOTALL)]


def test_what_the_document_shows_can_be_copied(home: Path) -> None:
    gitlab, pre_commit = documented()
    assert pre_commit["repos"][0]["hooks"][0]["id"] == HOOKS[0]["id"]
    script = "\n".join(gitlab["labels"]["script"])
    for limit, code in (("0.14", 0), ("0.1", 3)):
        done = subprocess.run(
            ["bash", "-eo", "pipefail", "-c", script.replace("0.05", limit)],
            cwd=home,
            env={"PATH": f"{home.parent / 'bin'}:/usr/bin:/bin", "PYTHONPATH": str(ROOT)},
            capture_output=True,
            check=False,
        )
        assert done.returncode == code, done.stderr
        for report in gitlab["labels"]["artifacts"]["reports"].values():
            assert (home / report).stat().st_size > 100
            (home / report).unlink()
