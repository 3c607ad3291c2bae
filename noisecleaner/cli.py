"""The command line: parse, call one library function, show the result, set the exit code.

Exit codes: 0 done, a gate passed; 1 a gate failed; 2 usage, input or configuration is wrong; 3 a gate cannot tell;
70 a bug of ours; 130 and 143 interrupted; 141 nobody reads our output any more.
"""

from __future__ import annotations

import os
import shlex
import sys
import warnings
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from noisecleaner import __version__
from noisecleaner.commands import console
from noisecleaner.commands.about import bench, methods
from noisecleaner.commands.copies import corrupt, export_clean
from noisecleaner.commands.fit import fit
from noisecleaner.commands.gate import JudgedExit, gate
from noisecleaner.commands.score import plan, score
from noisecleaner.errors import Interrupted, NoisecleanerError
from noisecleaner.progress import Interrupts

if TYPE_CHECKING:
    pass

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
    # read in `main`, so that it works before and behind the command
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Find the wrong labels in an image dataset, using the few labels you have verified, and get the clean set.

    Example: noisecleaner fit images/ --trusted verified.csv --out runs/first
    """


for command in (fit, score, plan, gate, export_clean, corrupt, methods, bench):
    app.command()(command)


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command line and exit with its code."""
    given = sys.argv[1:] if arguments is None else arguments
    debug = "--debug" in given
    words = [word for word in given if word != "--debug"]
    # Arrow's own allocator keeps much of what reading a table needed for a while; read when Arrow is imported
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    interrupts = Interrupts()
    try:
        with interrupts.installed(), warnings.catch_warnings():
            # torch's forward mode compiles decompositions with its own deprecated torch.jit
            warnings.filterwarnings("ignore", category=FutureWarning, module=r"torch\.")
            app(words, obj=interrupts)
    except JudgedExit as verdict:
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
