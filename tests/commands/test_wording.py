"""What the library says in Python is what one can type."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

import noisecleaner
from noisecleaner.cli import app
from noisecleaner.commands.wording import option, typed
from noisecleaner.errors import listed

PACKAGE = Path(noisecleaner.__file__).parent
COMMANDS = typer.main.get_group(app).commands
OPTIONS = {"--help"} | {
    word for command in COMMANDS.values() for p in command.params for word in (*p.opts, *p.secondary_opts)
}


@pytest.mark.parametrize(
    ("python", "words"),
    [
        ("`seed`", "--seed"),
        ("`seed=1`", "--seed 1"),
        ("`Columns.label`", "--label-column"),
        ("`Columns(label=NAME)`", "--label-column NAME"),
        ("`Model(frozen=False)`", "--no-frozen"),
        ("`Model(pretrained=True)`", "--pretrained"),
        ("`Effort(folds=3, epochs=2)`", "--folds 3 --epochs 2"),
        ("`trusted=FILE`", "--trusted FILE"),
        ("`trusted='my file.csv'`", "--trusted 'my file.csv'"),
        ("`options={'rate': 0.5}`", "--option rate=0.5"),
        ("`regularisers={'lautum': {}}`", "--regulariser lautum"),
        ("`Goal('budget', 100)`", "--budget 100"),
        ("`Goal('noise')`", "--target-noise"),
        ("`Goal('cost', 5)`", "--cost 5:1"),
        ("`fit(..., resume=True)`", "`noisecleaner fit … --resume`"),
        (
            "`fit(FitConfig(source=Source(DATA), trusted=FILE), out=OUT)`",
            "`noisecleaner fit DATA --trusted FILE --out OUT`",
        ),
        ("`score('runs/first', trusted=FILE)`", "`noisecleaner score runs/first --trusted FILE`"),
        ("`export_clean(RUN, on_flag='drop')`", "`noisecleaner export-clean RUN --on-flag drop`"),
        ("`bench(BenchConfig('detect', data=DIR))`", "`noisecleaner bench detect --data DIR`"),
        ("`plan('runs/first', count=N)`", "`noisecleaner plan runs/first --n N`"),
        ("`recheck('runs/first', count=50)`", "`noisecleaner plan runs/first --recheck 50`"),
        ("`count` and `recheck.count`", "--n and --recheck"),
        (
            "`score_new(RUN, source=Source('d', columns=Columns(label='l', row_ids=True)), out=OUT)`",
            "`noisecleaner score RUN --data d --label-column l --row-ids --out OUT`",
        ),
        (
            "`review('p.csv', data=Source(DATA, none_label='x'))`",
            "`noisecleaner review p.csv --data DATA --none-label x`",
        ),
        ("`methods()`", "`noisecleaner methods`"),
        ("`torch.save(x)`", "`torch.save(x)`"),
        ("`not python`", "`not python`"),
        ("no backticks: a=1", "no backticks: a=1"),
    ],
)
def test_python_becomes_what_one_types(python: str, words: str) -> None:
    assert typed(f"Give {python}.") == f"Give {words}."


def test_a_parameter_is_an_option() -> None:
    assert [option(name) for name in ("seed", "Columns.label", "Columns.row_ids")] == [
        "--seed",
        "--label-column",
        "--row-ids",
    ]


@pytest.mark.parametrize(
    "code", ["f(x=" + "a." * 900 + "b)", "f(x=" + "(" * 900 + ")" * 900 + ")", "x=" + "-" * 3000 + "1", "print('x')"]
)
def test_a_users_own_code_stays_as_it_is(code: str) -> None:
    assert typed(f"the class `{code}`") == f"the class `{code}`"


NAMES = st.one_of(
    st.sampled_from(["`seed`", "`fit(x)`", "it's `seed`", '"`seed`"', "`a` 'b' `seed`"]), st.text("`'\"s()\\ ")
)


@given(NAMES, st.lists(NAMES))
def test_a_users_names_stay_as_they_are_beside_what_is_typed(name: str, names: list[str]) -> None:
    """Where they stand in quotes, as those with a backtick always do in a list."""
    assert typed(f"`seed` of {name!r} is wrong: give `folds=3`.") == f"--seed of {name!r} is wrong: give --folds 3."
    held = [name for name in names if "`" in name]
    told = listed(held, 99)
    assert typed(f"There are {told}. Give `seed`.") == f"There are {told}. Give --seed."


@pytest.mark.parametrize("path", ["`seed`.csv", "/data/`seed`", "`seed`/1.png", "x`seed`", "a `seed`s"])
def test_a_piece_of_a_path_is_no_word_of_ours(path: str) -> None:
    assert typed(f"{path} is empty. Give `seed`.") == f"{path} is empty. Give --seed."


@given(st.text(alphabet="`a=1('\"{}[.,)*…\\\n\0", max_size=40))
def test_no_text_is_too_odd(text: str) -> None:
    typed(text)


def pieces(file: Path) -> list[str]:
    """The texts of a file, but for docstrings; what is put into one stands as X."""
    tree = ast.parse(file.read_text("utf-8"))
    docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    inside = {id(part) for n in ast.walk(tree) if isinstance(n, ast.JoinedStr) for part in n.values}
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            found.append("".join(str(p.value) if isinstance(p, ast.Constant) else "X" for p in node.values))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs | inside:
            found.append(node.value)
    return found


LIBRARY = [f for f in PACKAGE.rglob("*.py") if f.relative_to(PACKAGE).parts[0] not in ("commands", "cli.py")]


@pytest.mark.parametrize("file", LIBRARY, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_what_the_library_names_exists_on_the_command_line(file: Path) -> None:
    for text in pieces(file):
        for code in re.findall(r"`([^`\n]+)`", text):
            words = typed(f"`{code}`")
            for word in re.findall(r"(?<![\w-])--[\w-]+", words):
                assert word in OPTIONS or word in ("--X", "--no-X"), f"{code!r} in {file} becomes {words!r}"
            if command := re.match(r"`noisecleaner ([\w-]+)", words):
                assert command[1] in COMMANDS, f"{code!r} in {file} becomes {words!r}"
