"""Errors speak Python, in backticks; here they learn what one types.

The library names parameters (`seed`, `Columns.label`), values for them (`seed=1`, `Model(frozen=False)`) and calls
(`fit(..., resume=True)`). On a command line the same things are called `--seed`, `--label-column`, `--seed 1`,
`--no-frozen` and `noisecleaner fit … --resume`.
"""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator

#: Parameters and fields whose options are called otherwise.
_OPTIONS = {
    "Columns.image": "--image-column",
    "Columns.label": "--label-column",
    "Columns.sample_id": "--id-column",
    "Columns.trusted": "--trusted-column",
    "Columns.trusted_id": "--trusted-id-column",
    "Columns.embedding": "--embedding-column",
    "Columns.probabilities": "--probabilities-column",
    "Columns.irrelevant": "--irrelevant-column",
    "Meta.layers": "--meta",
    "Meta.every": "--meta-every",
    "Meta.momentum": "--meta-momentum",
    "Regularisation.regularisers": "--regulariser",
    "Goal.precision": "--target-precision",
    "Goal.noise": "--target-noise",
    "Goal.cost": "--cost",
    "Goal.f1": "--threshold auto",
    "Corruption.kind": "--kind",
    "score_new.source": "--data",
    "count": "--n",
    "recheck.count": "--recheck",
    "options": "--option",
    "pairs": "--pair",
    "regularisers": "--regulariser",
}
#: Functions that have a command.
_FUNCTIONS = frozenset(
    {
        "fit",
        "embed",
        "score",
        "score_new",
        "plan",
        "plan_data",
        "recheck",
        "gate",
        "export_clean",
        "corrupt",
        "methods",
        "bench",
        "demo",
    }
    | {"ids", "report", "review", "verify"}
)
#: Longer pieces of code are nobody's hint.
_LONGEST = 4096
#: A text in quotes, as `repr` writes it; or a piece of Python of ours, which stands as a word of its own.
_PIECES = re.compile(
    r"""(?<!\w)(?P<quote>['"])(?:\\.|[^\\\n])*?(?P=quote)(?!\w)"""
    r"""|(?<![^\s(])`(?P<code>[^`\n]+)`(?=[.,;:)?!…]*(?:\s|\Z))"""
)
#: Functions whose commands are called otherwise.
_COMMANDS = {"score_new": "score", "plan_data": "plan", "recheck": "plan"}


def typed(text: str) -> str:
    """Put what one types in place of the Python in backticks; other texts in backticks stay as they are.

    So does whatever stands in quotes: the words of a user (see `errors.quoted`), who may call a class "`seed`".
    """
    return _PIECES.sub(lambda found: (found["code"] and _translated(found["code"])) or found[0], text)


def command(code: str) -> str:
    """Put a command in place of one call in Python, which may stand in backticks."""
    return typed(f"`{code.strip('`')}`").strip("`")


def option(parameter: str) -> str:
    """The option of a parameter or field: `seed` is --seed, `Columns.label` is --label-column."""
    owner, _, name = parameter.rpartition(".")
    return _called(owner, name)


def _translated(code: str) -> str | None:
    """The words for one piece of Python; None where it is none, or one that no error of ours would write."""
    if len(code) > _LONGEST:  # of a user's own text, which may be nested deeper than Python likes to read
        return None
    try:
        return _words(ast.parse(f"_({code})", mode="eval").body)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _words(parsed: ast.expr) -> str | None:
    match parsed:
        case ast.Call(args=[], keywords=[keyword]):
            return " ".join(_option("", keyword))
        case ast.Call(args=[ast.Name(id=name)], keywords=[]):
            return _called("", name)
        case ast.Call(args=[ast.Attribute(value=ast.Name(id=owner), attr=name)], keywords=[]):
            return _called(owner, name)
        case ast.Call(args=[ast.Call(func=ast.Name(id=name)) as call], keywords=[]):
            return _call(name, call)
    return None


def _call(name: str, call: ast.Call) -> str | None:
    """A command with its words; or the options of a value such as `Model(frozen=False)`."""
    if name == "Goal":
        return _goal(call)
    if name[0].isupper():
        return None if call.args else " ".join(word for keyword in call.keywords for word in _option(name, keyword))
    if name not in _FUNCTIONS:
        return None
    words = ["noisecleaner", _COMMANDS.get(name, name).replace("_", "-")]
    words += [word for argument in call.args for word in _argument(argument)]
    words += [word for keyword in call.keywords for word in _option(name, keyword)]
    return f"`{' '.join(words)}`"


def _argument(node: ast.expr) -> Iterator[str]:
    """An argument of a call; what was put together as a value, `BenchConfig(…)`, is typed part by part."""
    if isinstance(node, ast.Call):
        yield from (_value(argument) for argument in node.args)
        yield from (word for keyword in node.keywords for word in _option("", keyword))
    else:
        yield _value(node)


def _goal(call: ast.Call) -> str | None:
    """`Goal("budget")` is the option, `Goal("budget", 100)` the option with its value."""
    if not call.args or not isinstance(call.args[0], ast.Constant):
        return None
    kind, *value = call.args
    if value and ast.literal_eval(kind) == "cost":  # one number in Python, two on the command line
        return f"{_called('Goal', 'cost')} {_value(value[0])}:1"
    return " ".join([_called("Goal", str(ast.literal_eval(kind))), *map(_value, value)])


def _option(owner: str, keyword: ast.keyword) -> Iterator[str]:
    """The words for NAME=VALUE."""
    option, value = _called(owner, keyword.arg or ""), keyword.value
    if option == "--source":  # the first word of a command
        yield from _argument(value)
    elif isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "Columns":
        yield from (word for column in value.keywords for word in _option("Columns", column))
    elif isinstance(value, ast.Call):
        yield from (option, *_argument(value))
    elif isinstance(value, ast.Constant) and isinstance(value.value, bool):
        yield option if value.value else option.replace("--", "--no-", 1)
    elif isinstance(value, ast.Dict):
        for name, part in zip(value.keys, value.values, strict=True):
            # a part with options of its own is a regulariser: those are typed apart; `...` is a value not yet known
            nested = (
                isinstance(part, ast.Dict) or name is None or (isinstance(part, ast.Constant) and part.value is ...)
            )
            yield from (option, _value(name or part) if nested else f"{_value(name or part)}={_value(part)}")
    else:
        yield from (option, _value(value))


def _called(owner: str, name: str) -> str:
    usual = f"--{name.replace('_', '-')}"
    return _OPTIONS.get(f"{owner}.{name}") or (usual if owner[:1].isupper() else _OPTIONS.get(name, usual))


def _value(node: ast.expr) -> str:
    """A value as one types it: a text in quotes where a shell wants it so, a placeholder such as FILE as it is."""
    if isinstance(node, ast.Constant):
        return "…" if node.value is ... else shlex.quote(str(node.value))
    return ast.unparse(node)
