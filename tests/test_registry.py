"""Folders of plug-ins: what is listed is what there is, and it is listed without being imported."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any, Literal, TypedDict, Unpack

import pytest

import noisecleaner
from noisecleaner.errors import NoisecleanerError
from noisecleaner.registry import (
    PlugIn,
    check_choice,
    check_types,
    class_in,
    constants_in,
    module_in,
    names_in,
    plug_ins,
)

PACKAGE = Path(noisecleaner.__file__).parent
FOLDERS = ["weightings", "regularisers", "bench", "gate.formats", "gate.rules", "networks.backbones"]

DROPPED = '''"""A paper's term, in a file.

More about it.
"""

PLACE = 10
COMPUTED = PLACE + 1


class Dropped:
    """What the file defines."""

    def __init__(self, network: object, *, rate: float = 0.5, kind: str) -> None:
        """Take options."""
'''


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A folder of plug-ins that holds one file, and one that is none."""
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "dropped_in.py").write_text(DROPPED)
    (tmp_path / "rules" / "_shared.py").write_text("raise RuntimeError")
    monkeypatch.setattr("noisecleaner.registry._PACKAGE", tmp_path)
    return "rules"


class Options:
    """A plug-in with options of each kind."""

    def __init__(
        self, network: object, *, rate: float = 0.5, count: int = 1, kind: Literal["a", "b"] = "a", on: bool = True
    ) -> None:
        """Take them."""


class NoOptions:
    """A plug-in without."""

    def __init__(self, network: object) -> None:
        """Take none."""


@pytest.mark.parametrize("name", FOLDERS)
def test_a_folder_lists_its_files(name: str) -> None:
    files = {file.stem for file in PACKAGE.joinpath(*name.split(".")).glob("*.py") if file.stem[0] != "_"}
    assert {listed.replace("-", "_") for listed in names_in(name)} == files
    assert all(plug_in.description.strip() for plug_in in plug_ins(name))


def test_a_dropped_file_is_described_without_being_imported(folder: str) -> None:
    assert plug_ins(folder) == [PlugIn("dropped-in", "A paper's term, in a file.", {"rate": "0.5", "kind": "required"})]


def test_a_folder_that_is_none_is_a_bug_of_ours() -> None:
    with pytest.raises(LookupError, match="nonsense"):
        names_in("nonsense")


def test_an_unknown_name_is_refused_with_the_valid_ones() -> None:
    with pytest.raises(NoisecleanerError) as error:
        module_in("gate.formats", "xml", parameter="`format`")
    assert error.value.message == "`format` xml is unknown."
    assert error.value.hint == f"Choose one of: {', '.join(names_in('gate.formats'))}."


def test_the_class_of_a_file_is_its_own_and_its_last() -> None:
    from noisecleaner.weightings import Weighting

    found = class_in("weightings", "soseleto", Weighting, parameter="`method`")
    assert found.__module__ == "noisecleaner.weightings.soseleto"
    assert issubclass(found, Weighting)


def test_check_choice_lets_valid_names_pass() -> None:
    check_choice("alpha", ["alpha", "beta"], parameter="`by`")


@pytest.mark.parametrize(
    "options", [{}, {"rate": 1}, {"rate": 0.25, "count": 3, "kind": "b", "on": False}], ids=["none", "integer", "all"]
)
def test_values_of_the_declared_type_pass(options: dict[str, Any]) -> None:
    check_types(Options, options, parameter="`method`", name="options")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rate": "fast"}, "`options={'rate': 'fast'}` of `method` options is not of the type float."),
        ({"rate": float("inf")}, "`options={'rate': inf}` of `method` options is not of the type float."),
        ({"rate": True}, "`options={'rate': True}` of `method` options is not of the type float."),
        ({"count": 1.5}, "`options={'count': 1.5}` of `method` options is not of the type int."),
        ({"count": False}, "`options={'count': False}` of `method` options is not of the type int."),
        ({"on": 1}, "`options={'on': 1}` of `method` options is not of the type bool."),
        ({"kind": "c"}, "`options={'kind': 'c'}` of `method` options must be one of a, b."),
        ({"pace": 1}, "`options={'pace': ...}` is unknown to options."),
    ],
)
def test_values_of_another_type_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(NoisecleanerError) as error:
        check_types(Options, options, parameter="`method`", name="options")
    assert error.value.message == message


def test_an_option_of_another_method_is_told_whose_it_is() -> None:
    with pytest.raises(NoisecleanerError) as error:
        check_types(Options, {"normalise": "sigmoid"}, parameter="`method`", name="options")
    of_l2b = "`options={'normalise': ...}` is unknown to options: it is an option of `method='l2b'`."
    assert error.value.message == of_l2b
    with pytest.raises(NoisecleanerError, match=r"lambda_1 was given: it is an option of `regularisers='purified'` \("):
        check_types(NoOptions, {"lambda_1": 2.0}, parameter="`method`", name="plain")
    with pytest.raises(NoisecleanerError, match=r"is unknown to options\. Choose"):
        check_types(Options, {"normalise": "sigmoid"}, parameter="bench", name="options")


def test_the_words_that_an_option_may_be_are_read_off_the_file() -> None:
    (l2b,) = (method for method in plug_ins("weightings") if method.name == "l2b")
    assert l2b.choices == {
        "weights": ("both", "given", "pseudo", "convex"),
        "normalise": ("cut", "sigmoid", "softmax"),
    }


def test_options_are_refused_where_there_are_none() -> None:
    with pytest.raises(NoisecleanerError, match="`method` plain has no options, but rate was given"):
        check_types(NoOptions, {"rate": 1.0}, parameter="`method`", name="plain")


class Inherited:
    """Has no constructor of its own."""


class HandedOn(TypedDict, total=False):
    count: int


class HandingOn:
    def __init__(self, *, rate: float = 0.5, **rest: Unpack[HandedOn]) -> None:
        """Take options, of which some are for somebody else."""


def test_a_class_without_a_constructor_has_no_options() -> None:
    check_types(Inherited, {}, parameter="`method`", name="plain")
    with pytest.raises(NoisecleanerError, match="`method` plain has no options, but rate was given"):
        check_types(Inherited, {"rate": 1.0}, parameter="`method`", name="plain")


def test_options_that_are_handed_on_are_checked_as_well() -> None:
    check_types(HandingOn, {"rate": 1.0, "count": 2}, parameter="`method`", name="handing")
    with pytest.raises(NoisecleanerError, match="is not of the type int"):
        check_types(HandingOn, {"count": "two"}, parameter="`method`", name="handing")
    with pytest.raises(NoisecleanerError, match="Choose one of: rate, count"):
        check_types(HandingOn, {"pace": 1}, parameter="`method`", name="handing")


def test_listing_does_not_import_torch() -> None:
    calls = "; ".join(f"plug_ins({name!r})" for name in FOLDERS)
    check = f"from noisecleaner.registry import plug_ins; {calls}; import sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0


def test_constants_are_read_without_importing_their_files(folder: str, tmp_path: Path) -> None:
    (tmp_path / "rules" / "other.py").write_text('raise RuntimeError\nFAMILY = "many"\nENDINGS = (".a", ".b")\n')
    assert constants_in(folder, "FAMILY") == {"other": "many"}
    assert constants_in(folder, "ENDINGS") == {"other": (".a", ".b")}
    assert constants_in(folder, "NOTHING") == {}
    with pytest.raises(ValueError, match="malformed"):
        constants_in(folder, "COMPUTED")
