"""What the documents say can be typed, and where they point there is something."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer

from noisecleaner.cli import app
from noisecleaner.registry import backbone_families, backbone_names, names_in

ROOT = Path(__file__).parent.parent
RESULTS = "noisecleaner/bench/RESULTS.md"
METHODS = "noisecleaner/METHODS.md"
ACTION = ".github/actions/gate/README.md"
DOCUMENTS = ["README.md", ACTION, METHODS, RESULTS, ".github/CONTRIBUTING.md", "CHANGELOG.md", "sample_data/README.md"]
COMMANDS = typer.main.get_group(app).commands


def text_of(document: str) -> str:
    return (ROOT / document).read_text("utf-8")


def anchors(document: Path) -> set[str]:
    """What GitHub makes of the headings: lower case, hyphens for spaces, no other signs."""
    headings = re.findall(r"^#+ (.+)$", document.read_text("utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_somewhere(document: str) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", text_of(document)):
        if not target.startswith("https://"):
            name, _, anchor = target.partition("#")
            file = (ROOT / document).parent / name if name else ROOT / document
            assert file.exists(), target
            assert not anchor or anchor in anchors(file), target


def typed(document: str) -> list[str]:
    """All whole commands of a document: those of its code blocks, and those in backticks without a placeholder dot."""
    text = text_of(document)
    blocks = re.findall(r"```(?:text|sh)\n(.*?)```", text, flags=re.DOTALL)
    lines = [part.strip() for block in blocks for line in block.splitlines() for part in line.split("&&")]
    prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    inline = [" ".join(code.split()) for code in re.findall(r"`(noisecleaner [^`]+)`", prose)]
    return [line for line in lines + inline if line.startswith("noisecleaner ") and "…" not in line]


@pytest.mark.parametrize("document", ["README.md", METHODS, RESULTS])
def test_commands_can_be_typed(document: str) -> None:
    """They are parsed, not run: the README's are run by the tests of `tests/e2e`."""
    lines = typed(document)
    assert lines
    for line in lines:
        command, *words = shlex.split(line, comments=True)[1:]
        if command not in ("COMMAND", "bench") or words[:1] not in ([], ["--help"], ["PAPER"]):
            COMMANDS[command].make_context(command, words)


def test_experiments_of_the_results_exist() -> None:
    named = re.findall(r"`(?:noisecleaner )?bench ([a-z][\w-]+)", text_of(RESULTS))
    named += re.findall(r"^noisecleaner bench ([a-z][\w-]+)", text_of(RESULTS), flags=re.MULTILINE)
    assert set(named) == set(names_in("bench"))


def test_methods_and_backbones_are_described() -> None:
    names = [*names_in("weightings"), *names_in("regularisers"), *backbone_names()]
    for name in [*names, *backbone_families()["efficientnet-lite"].split(", ")]:
        assert f"`{name}`" in text_of(METHODS), name


def test_the_readme_is_short() -> None:
    assert len(text_of("README.md").splitlines()) < 220
