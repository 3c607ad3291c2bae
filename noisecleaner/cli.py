"""The command line: parse, call one library function, show the result, set the exit code.

Exit codes: 0 done, a gate passed; 1 a gate failed, or `verify` found damage; 2 usage, input or configuration is wrong;
3 a gate, or `verify`, cannot tell; 70 a bug of ours; 130 and 143 interrupted; 141 nobody reads our output any more.
"""

from __future__ import annotations

import os
import signal
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from typing import Annotated, NoReturn

import typer

from noisecleaner import __version__
from noisecleaner.commands import console, terminal
from noisecleaner.commands._config import configured
from noisecleaner.commands.about import bench, methods
from noisecleaner.commands.copies import corrupt, export_clean
from noisecleaner.commands.demo import demo
from noisecleaner.commands.embed import embed
from noisecleaner.commands.failures import failure_of, refuse_no_text
from noisecleaner.commands.fit import fit
from noisecleaner.commands.gate import JudgedExit, gate
from noisecleaner.commands.ids import ids
from noisecleaner.commands.plan import plan
from noisecleaner.commands.report import report
from noisecleaner.commands.review import review
from noisecleaner.commands.score import score
from noisecleaner.commands.verify import verify
from noisecleaner.errors import ApartError, Interrupted, Lost, NoisecleanerError
from noisecleaner.progress import Interrupts, heard_by
from noisecleaner.progress.bars import Verbosity
from noisecleaner.ranks.launch import follows, several, tell_launcher

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


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
    # read in `main`, so that they work before and behind the command
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Print errors, warnings and what was asked for.")
    ] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Print what is read, decided, and when.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Find the wrong labels in an image dataset, using the few labels you have verified, and get the clean set.

    Example: noisecleaner fit images/ --trusted verified.csv --out runs/first
    """


#: The table of noisecleaner.toml that a command takes options from; `gate` reads its own.
_TABLES = {fit: "fit", score: "score", report: "report", export_clean: "export"}
for command in (
    demo,
    embed,
    fit,
    score,
    report,
    plan,
    review,
    gate,
    export_clean,
    verify,
    corrupt,
    ids,
    methods,
    bench,
):
    app.command(cls=configured(_TABLES[command]) if command in _TABLES else None)(command)


#: Options that work before and behind a command.
_EVERYWHERE = frozenset({"--debug", "--quiet", "-q", "--verbose", "-v"})


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command line and exit with its code."""
    given = sys.argv[1:] if arguments is None else arguments
    terminal.open_streams()
    options, words = _parted(given)
    debug = "--debug" in options
    try:
        refuse_no_text(given)
        with terminal.telling(_verbosity(options)), heard_by(terminal.TerminalProgress()), _silent(words):
            _run(words)
    except SystemExit as stop:
        sys.exit(_code(stop))
    except (Exception, Interrupted) as error:
        failure = failure_of(error, words, debug=debug)
        with suppress(OSError):  # nobody can be told, and the exit code still tells
            if debug and not isinstance(error, Interrupted):
                console.show_traceback()
            if error.first if isinstance(error, (ApartError, Lost)) else not (follows() and _fits(words)):
                console.show_error(failure.message, failure.hint)
            tell_launcher(f"{failure.message} {failure.hint}".strip())
        terminal.drop_unwritten()
        sys.exit(failure.code)
    sys.exit(0)


def _parted(given: list[str]) -> tuple[list[str], list[str]]:
    """Part the options of all commands, wherever they stand, from the command and its own words."""
    end = given.index("--") if "--" in given else len(given)
    options = [word for word in given[:end] if word in _EVERYWHERE]
    return options, [word for word in given[:end] if word not in _EVERYWHERE] + given[end:]


def _verbosity(options: list[str]) -> Verbosity:
    quiet, verbose = ({f"--{name}", f"-{name[0]}"}.intersection(options) for name in ("quiet", "verbose"))
    if quiet and verbose:
        raise NoisecleanerError("--quiet tells less and --verbose more, but both are given.", "Keep one.")
    return Verbosity.QUIET if quiet else Verbosity.VERBOSE if verbose else Verbosity.NORMAL


def _fits(words: list[str]) -> bool:
    """Whether it is the command that several processes may do together."""
    return words[:1] == ["fit"]


@contextmanager
def _silent(words: list[str]) -> Iterator[None]:
    """Let one of several processes that fit together hold its tongue, unless it leads."""
    if not (follows() and _fits(words)):
        yield
        return
    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
        yield


def _run(words: list[str]) -> None:
    if several() and _fits(words):
        # torchrun sends it as soon as another process has ended badly: what ends anyway keeps its own exit code
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        # pages of torch's own about a connection that was closed; read when torch is imported
        os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    # Arrow's own allocator keeps much of what reading a table needed for a while; read when Arrow is imported
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    interrupts = Interrupts()
    with interrupts.installed(), warnings.catch_warnings():
        # torch's forward mode compiles decompositions with its own deprecated torch.jit
        warnings.filterwarnings("ignore", category=FutureWarning, module=r"torch\.")
        app(words, obj=interrupts)


def _code(stop: SystemExit) -> int:
    """The exit code of a gate's verdict, or of typer, which only uses 1 where a reader has closed the pipe."""
    code = int(stop.code or 0)
    return 128 + signal.SIGPIPE if code == 1 and not isinstance(stop, JudgedExit) else code
