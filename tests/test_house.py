"""The house rules that a machine can hold: sizes, parameters, what travels between modules, who speaks how."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import typer

import noisecleaner
from noisecleaner.cli import app

PACKAGE = Path(noisecleaner.__file__).parent
TESTS = Path(__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
#: Commands are as long as their options are many, and speak command line.
LIBRARY = [file for file in FILES if file.relative_to(PACKAGE).parts[0] not in ("commands", "cli.py", "__main__.py")]


class Function(NamedTuple):
    """A function of the library: where it is, its lines of code without the docstring, its parameters."""

    place: str
    lines: int
    parameters: int


def functions(file: Path) -> Iterator[Function]:
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            lines = (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0
            arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            parameters = sum(argument.arg not in ("self", "cls", "ctx") for argument in arguments)
            yield Function(f"{file.relative_to(PACKAGE)}:{node.name}", lines, parameters)


FUNCTIONS = [function for file in LIBRARY for function in functions(file)]


def test_no_function_takes_more_than_eight_parameters() -> None:
    assert [f.place for f in FUNCTIONS if f.parameters > 8] == []


def test_functions_fit_the_eye() -> None:
    assert [f.place for f in FUNCTIONS if f.lines > 60] == []
    assert sum(f.lines < 25 for f in FUNCTIONS) >= 0.95 * len(FUNCTIONS)


@pytest.mark.parametrize("place", ["fitting.py:fit", "training/loop.py:train"])
def test_what_everything_hangs_on_fits_a_screen(place: str) -> None:
    (function,) = [f for f in FUNCTIONS if f.place == place]
    assert function.lines <= 40


def test_files_are_seldom_long() -> None:
    lengths = {str(file.relative_to(PACKAGE)): len(file.read_text("utf-8").splitlines()) for file in FILES}
    assert sum(length > 300 for length in lengths.values()) <= 0.01 * len(lengths), lengths
    assert max(lengths.values()) <= 350


#: Where arrays have names because a file format gives them some.
SERIALISED = {"files/array_files.py", "runs/linear.py"}


def test_no_dictionary_of_arrays_goes_from_module_to_module() -> None:
    array = r"(npt\.)?(NDArray|Array|RealArray|FloatArray|IntArray|BoolArray|SingleArray)\b"
    for file in LIBRARY:
        if str(file.relative_to(PACKAGE)) not in SERIALISED:
            found = re.findall(rf"(?:[Dd]ict|Mapping)\[str, {array}", file.read_text("utf-8"))
            assert not found, file


#: An array of NumPy or PyTorch in an annotation. A column of Arrow has one dimension, and a state dict any number.
ARRAY = re.compile(
    r"(?<!pa\.)(?<!\[str, )(?<!NDArray\[)\b(NDArray|Array|RealArray|FloatArray|IntArray|BoolArray|SingleArray|Tensor)\b"
)
SHAPE = re.compile(r"shape|\[[^\]]*\]")


def public(tree: ast.Module) -> Iterator[tuple[str, ast.FunctionDef | ast.ClassDef]]:
    """Public functions, classes and methods of a module, by name; of what is overloaded only the last one."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield node.name, node
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            methods = [inner for inner in node.body if isinstance(inner, ast.FunctionDef)]
            yield from ((f"{node.name}.{m.name}", m) for m in methods if not m.name.startswith("_"))


def takes_arrays(node: ast.FunctionDef | ast.ClassDef) -> bool:
    """Whether a function takes or returns arrays, or a class has some for fields."""
    if isinstance(node, ast.ClassDef):
        annotations = [field.annotation for field in node.body if isinstance(field, ast.AnnAssign)]
    else:
        arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        annotations = [annotation for a in arguments if (annotation := a.annotation) is not None]
        annotations += [node.returns] if node.returns is not None else []
    return any(ARRAY.search(ast.unparse(annotation)) for annotation in annotations)


@pytest.mark.parametrize("file", LIBRARY, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_who_takes_arrays_says_of_which_shape(file: Path) -> None:
    if file.relative_to(PACKAGE).parts[0] != "bench":
        documented = dict(public(ast.parse(file.read_text("utf-8")))).items()
        silent = [name for name, n in documented if takes_arrays(n) and not SHAPE.search(ast.get_docstring(n) or "")]
        assert silent == []


def texts(file: Path) -> Iterator[tuple[int, str]]:
    """The texts of a file with their lines, without docstrings."""
    tree = ast.parse(file.read_text("utf-8"))
    docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
            yield node.lineno, node.value


#: The one runs a command in a process of its own, the other writes what stands beside a gate's command in a CI log.
TYPING = [PACKAGE / "bench" / "scale.py", PACKAGE / "gate" / "formats" / "markdown.py"]
#: "noisecleaner gate" is not among them: a gate's reports are called so.
COMMANDS = "|".join(name for name in typer.main.get_group(app).commands if name != "gate")


@pytest.mark.parametrize("file", LIBRARY, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_the_library_speaks_python(file: Path) -> None:
    """Errors name parameters; `commands/wording.py` makes options of them. So a text is right at both doors."""
    found = re.compile(rf"(?<![\w-])--[a-z]|\bnoisecleaner ({COMMANDS})\b")
    dashed = [line for line, text in texts(file) if found.search(text) and file not in TYPING]
    assert dashed == [], f"{file} speaks command line in lines {dashed}"


def test_most_modules_have_a_test_file_of_their_own() -> None:
    modules = [file.relative_to(PACKAGE) for file in FILES]
    own = [path for path in modules if not path.name.startswith("_") and path.parts[0] != "bench"]
    bare = [str(path) for path in own if not (TESTS / path.parent / f"test_{path.stem}.py").exists()]
    assert len(bare) <= 0.2 * len(own), bare


#: Participles and verbs that once named classes; what is meant is a noun of the field, such as Predictions.
OLD_NAMES = {"Said", "Known", "Judged", "Scored", "Measured", "Steered", "Told", "Placed", "Labelled", "Corrected"}


def test_classes_are_nouns() -> None:
    trees = {file: ast.parse(file.read_text("utf-8")) for file in FILES}
    named = {n.name: file for file, tree in trees.items() for n in ast.walk(tree) if isinstance(n, ast.ClassDef)}
    assert not OLD_NAMES & named.keys()


def test_the_top_level_holds_nothing_else() -> None:
    """A test that wrote where it stood has left a file among ours before."""
    listed = subprocess.run(["git", "ls-files"], cwd=TESTS.parent, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("no clone")
    top = {line.split("/")[0] for line in listed.stdout.splitlines()}
    named = {"noisecleaner", "tests", "sample_data", "pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE"}
    assert {name for name in top if not name.startswith(".")} == named
