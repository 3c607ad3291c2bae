"""The package reads top to bottom: imports point one way, and torch stays out of what does not need it."""

from __future__ import annotations

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import noisecleaner

PACKAGE = Path(noisecleaner.__file__).parent


def module_of(file: Path) -> str:
    parts = ["noisecleaner", *file.relative_to(PACKAGE).with_suffix("").parts]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(file): file for file in PACKAGE.rglob("*.py")}


def own_imports(file: Path) -> set[str]:
    """The modules of the package that a file imports anywhere, also inside functions."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("noisecleaner"):
            assert node.level == 0, "relative imports hide the direction"
            inner = {f"{node.module}.{alias.name}" for alias in node.names} & MODULES.keys()
            found |= inner or {node.module}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name.startswith("noisecleaner")}
    return found - {module_of(file)}


def test_there_is_no_import_ring() -> None:
    graph = {name: own_imports(file) for name, file in MODULES.items()}
    order = list(TopologicalSorter(graph).static_order())  # raises CycleError on a ring
    assert order.index("noisecleaner.ingest.manifest") < order.index("noisecleaner.training")
    assert order.index("noisecleaner.training") < order.index("noisecleaner.fitting") < order.index("noisecleaner.cli")


@pytest.mark.parametrize("module", ["errors", "passes", "bilinear", "tangents", "products", "alignment", "progress"])
def test_what_others_build_on_imports_next_to_nothing_of_ours(module: str) -> None:
    allowed = {f"noisecleaner.{name}" for name in ("errors", "passes", "bilinear", "tangents")}
    assert own_imports(MODULES[f"noisecleaner.{module}"]) <= allowed


def test_weightings_and_regularisers_know_nothing_of_data_or_training() -> None:
    papers = ("noisecleaner.weightings", "noisecleaner.regularisers")
    for name in (n for n in MODULES if n.startswith(papers)):
        allowed = {"alignment", "errors", "methods", "options", "passes", "products", "weightings"}
        allowed |= {"regularisers"} if name.startswith("noisecleaner.regularisers") else set()
        assert {i.split(".")[1] for i in own_imports(MODULES[name])} <= allowed, name


def test_only_console_and_terminal_print() -> None:
    writers = {name for name, file in MODULES.items() if "rich.console" in file.read_text("utf-8")}
    assert writers == {"noisecleaner.console", "noisecleaner.terminal"}
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
        "import noisecleaner.cli, noisecleaner.api, noisecleaner.console",
        "import noisecleaner.scoring, noisecleaner.export, noisecleaner.reports, noisecleaner.corrupt",
        "from noisecleaner.api import score, gate, export_clean, corrupt, methods; methods()",
    ],
)
def test_what_comes_before_and_after_training_does_not_import_torch(statement: str) -> None:
    check = f"{statement}; import sys; sys.exit('torch' in sys.modules or 'torchvision' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
