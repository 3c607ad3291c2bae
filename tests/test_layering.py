"""The package reads top to bottom: folders import one way, and torch stays out of what does not need it."""

from __future__ import annotations

import ast
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import noisecleaner

PACKAGE = Path(noisecleaner.__file__).parent

#: In the order the data flows: a line may import what stands above it, and folders of one line not each other.
#: A file of the root stands for itself; what is named after a colon is all that a folder may import of ours.
TABLE = """
arrays | errors | notices | texts | threads
progress | project | settings | registry
files
tables | engines | ranks | images
gradients: | noise: arrays errors notices texts | quality: arrays errors texts
ingest
networks
inputs | weightings | regularisers
runs
training | export | gate | pages | planning | verifying
report | review | embedding
fitting | scoring | demo
bench
api
commands
cli
__main__
"""
#: Rooms that never import torch, and that nothing may make do so.
WITHOUT_TORCH = frozenset(
    [
        "arrays",
        "errors",
        "notices",
        "texts",
        "threads",
        "files",
        "tables",
        "engines",
        "progress",
        "project",
        "settings",
        "images",
        "registry",
        "noise",
        "quality",
        "ingest",
        "export",
        "gate",
        "planning",
        "demo",
        "pages",
        "report",
        "review",
        "verifying",
    ]  # a sentence reads better than a list of strings
)
#: The only module of `runs/` that imports torch; whoever needs it imports it late.
NEEDS_TORCH = {"noisecleaner.runs.predicting"}


def module_of(file: Path) -> str:
    parts = ["noisecleaner", *file.relative_to(PACKAGE).with_suffix("").parts]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(file): file for file in PACKAGE.rglob("*.py")}


def imports(file: Path) -> set[str]:
    """The modules that a file imports anywhere, also inside functions; of ours the inner ones."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, "relative imports hide the direction"
            inner = {f"{node.module}.{alias.name}" for alias in node.names} & MODULES.keys()
            found |= inner or {node.module}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found


def own_imports(file: Path) -> set[str]:
    """Those of the package."""
    return {name for name in imports(file) if name.split(".")[0] == "noisecleaner"} - {module_of(file)}


def room(module: str) -> str:
    """The folder, or the file of the root, that a module belongs to; "" is the package itself."""
    return [*module.split("."), ""][1]


def rooms(table: str) -> dict[str, set[str]]:
    """Room -> what it may import, itself included."""
    allowed: dict[str, set[str]] = {}
    above: set[str] = set()
    for line in table.strip().splitlines():
        here = [part.partition(":") for part in line.split("|")]
        for name, colon, named in here:
            allowed[name.strip()] = {name.strip()} | (set(named.split()) if colon else above)
        above = above | {name.strip() for name, _, _ in here}
    return allowed


def against(table: str) -> list[str]:
    """Imports that a table of rooms forbids, as `module -> module`."""
    allowed = rooms(table)
    found = []
    for module, file in MODULES.items():
        wrong = [other for other in own_imports(file) if room(other) and room(other) not in allowed[room(module)]]
        found += [f"{module} -> {other}" for other in sorted(wrong)] if room(module) else []
    return found


def test_every_room_stands_in_the_table() -> None:
    assert {room(module) for module in MODULES} - {""} <= rooms(TABLE).keys()


#: The rooms of `ingest/`: each may import those before it.
INGEST = ("labels", "files", "annotations", "readers", "tables", "vectors", "verified")


#: Still to be mended.
LEFT: list[str] = []


def test_imports_go_up_the_table() -> None:
    assert [wrong for wrong in against(TABLE) if wrong not in LEFT] == []


@pytest.mark.parametrize("line", range(1, len(TABLE.strip().splitlines())))
def test_the_table_is_red_where_a_line_of_it_is_broken(line: int) -> None:
    """A line that stands before everything it is built on breaks the table: no line is there for show."""
    lines = TABLE.strip().splitlines()
    assert against("\n".join([lines[line], *lines[:line], *lines[line + 1 :]])) != [] or ":" in lines[line]


def test_rooms_with_a_list_of_their_own_are_red_where_it_is_shorter() -> None:
    for name in ("noise", "quality"):
        assert against(TABLE.replace(f"{name}: arrays errors", f"{name}:")) != []
    assert against(TABLE.replace("arrays errors notices", "arrays errors")) != []


@pytest.mark.parametrize(("inner", "outer"), [(a, b) for n, a in enumerate(INGEST) for b in INGEST[n + 1 :]])
def test_the_rooms_of_ingest_stand_in_a_row(inner: str, outer: str) -> None:
    """What labels are knows nothing of files, those nothing of vectors, and none of them who verified something."""
    wrong = [
        f"{module} -> {other}"
        for module, file in MODULES.items()
        if module.startswith(f"noisecleaner.ingest.{inner}")
        for other in own_imports(file)
        if other.startswith(f"noisecleaner.ingest.{outer}")
    ]
    assert wrong == []


def test_there_is_no_import_ring() -> None:
    graph = {name: own_imports(file) for name, file in MODULES.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as ring:
        pytest.fail(f"imports go in a ring: {' -> '.join(ring.args[1])}")


def test_rooms_without_torch_never_name_it() -> None:
    for module, file in MODULES.items():
        if room(module) in WITHOUT_TORCH or (room(module) == "runs" and module not in NEEDS_TORCH):
            assert not {name for name in imports(file) if name.split(".")[0] in ("torch", "torchvision")}, module


def test_the_root_holds_few_files() -> None:
    assert len(list(PACKAGE.glob("*.py"))) <= 18


def test_only_console_and_terminal_print() -> None:
    writers = {name for name, file in MODULES.items() if "rich.console" in file.read_text("utf-8")}
    assert writers == {f"noisecleaner.{name}" for name in ("commands.console", "commands.terminal", "progress.bars")}
    for name, file in MODULES.items():
        calls = [n for n in ast.walk(ast.parse(file.read_text("utf-8"))) if isinstance(n, ast.Call)]
        prints = [c for c in calls if isinstance(c.func, ast.Name) and c.func.id == "print"]
        assert not prints, name


def test_nothing_loads_a_users_pickle() -> None:
    for name, file in MODULES.items():
        text = file.read_text("utf-8")
        assert "import pickle" not in text, name
        assert "allow_pickle=True" not in text, name
        assert "torch.load" not in text or "weights_only=True" in text, name


@pytest.mark.parametrize(
    "statement",
    [
        "import noisecleaner.cli, noisecleaner.api, noisecleaner.commands.console",
        "import noisecleaner.scoring, noisecleaner.export.cleaning, noisecleaner.runs.summary",
        "import noisecleaner.planning, noisecleaner.export.corrupt, noisecleaner.gate.judge",
        "import noisecleaner.report.writing, noisecleaner.review.writing, noisecleaner.verifying.checking",
        "from noisecleaner.api import score, gate, export_clean, corrupt, methods; methods()",
    ],
)
def test_what_comes_before_and_after_training_does_not_import_torch(statement: str) -> None:
    check = f"{statement}; import sys; sys.exit('torch' in sys.modules or 'torchvision' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
