"""Verdicts for the gate's tests, and readers of the formats that they are written in."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree

import jsonschema
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from noisecleaner.gate.flagged import FlaggedRows
from noisecleaner.gate.limits import Level
from noisecleaner.gate.rules import rules
from noisecleaner.gate.verdicts import Finding, Outcome, Verdict
from noisecleaner.notices import Notice, Severity
from noisecleaner.runs.row_counts import ClassCounts, RowCounts
from support.datasets import Command


def only_finding(command: Command, *words: object) -> dict[str, object]:
    """The only finding of a gate."""
    outcome = command("gate", *words, "--format", "json")
    content = json.loads(outcome.out)
    assert content["exit_code"] == outcome.code
    (finding,) = content["findings"]
    return dict(finding)


def counted(scored: int = 200, unknown: Mapping[str, int] | None = None, **skipped: int) -> RowCounts:
    """Rows of one class, and how many were skipped for which reason."""
    skips = {**skipped, **({"unknown_class": sum(unknown.values())} if unknown else {})}
    return RowCounts(
        rows=scored + sum(skips.values()),
        skipped=skips,
        scored=scored,
        flagged=0,
        unlabelled=0,
        verified=0,
        corrected=0,
        classes={"cat": ClassCounts(rows=scored, scored=scored, flagged=0)},
        unknown_classes=unknown or {},
    )


def verdict(
    messages: list[str],
    run: str = "run",
    outcome: Outcome = Outcome.FAILED,
    *,
    counts: RowCounts | None = None,
    notices: Sequence[Notice] = (),
) -> Verdict:
    """A verdict with a finding for each message, more than there are rules."""
    every = list(rules().values())
    chosen = [every[number % len(every)] for number in range(len(messages))]
    findings = [
        Finding(
            rule=rule.name,
            unit=rule.unit,
            level=Level.ERROR,
            outcome=outcome,
            limit=0.1,
            value=0.2,
            low=0.15,
            high=None,
            message=message,
            classes=(message,),
        )
        for rule, message in zip(chosen, messages, strict=True)
    ]
    return Verdict(run, tuple(findings), counts=counts or counted(), flagged=FlaggedRows(), notices=tuple(notices))


HOSTILE = [
    "a\n::error::b",
    "::stop-commands::x",
    "]]>",
    "<b>&amp;",
    "a|b`c`",
    "\x00\x1b[31m\ufffe",
    "\\|",
    "%0A",
    "~~x~~",
]
HOSTILE += ["\u202e", "![a](b)", "@all #1 \x85"]


ANY_TEXT = st.text(st.characters(exclude_categories=())) | st.sampled_from(HOSTILE)
ANY_NOTICE = st.builds(Notice, code=ANY_TEXT, message=ANY_TEXT, severity=st.sampled_from(Severity))
ANY_COUNTS = st.builds(counted, st.integers(0, 9999), st.dictionaries(ANY_TEXT, st.integers(1, 99), max_size=3))


#: Of junit-10.xsd, the schema of Jenkins' xUnit plugin (made from Surefire's): needed and further attributes, children.
XSD: dict[str, tuple[set[str], set[str], set[str]]] = {
    "testsuites": (set(), {"name", "time", "tests", "failures", "errors"}, {"testsuite"}),
    "testsuite": (
        {"name", "tests", "failures", "errors"},
        {"group", "time", "skipped", "timestamp", "hostname", "id", "package", "file", "log", "url"},
        {"testsuite", "properties", "testcase", "system-out", "system-err"},
    ),
    "properties": (set(), set(), {"property"}),
    "property": ({"name", "value"}, set(), set()),
    "testcase": (
        {"name"},
        {"time", "classname", "group"},
        {"skipped", "error", "failure", "system-out", "system-err"},
    ),
    "failure": (set(), {"type", "message"}, set()),
    "skipped": (set(), {"type", "message"}, set()),
    "system-out": (set(), set(), set()),
}


def check_junit(text: str) -> ElementTree.Element:
    """Parse JUnit XML and check it against the schema's facts and its own counts."""
    root = ElementTree.fromstring(text.encode())  # noqa: S314  # our own
    assert root.tag == "testsuites"
    for element in root.iter():
        needed, further, children = XSD[element.tag]
        assert needed <= set(element.attrib) <= needed | further, element.tag
        assert {child.tag for child in element} <= children
        assert "testcase" in children or "testsuite" in children or "property" in children or len(element) < 2
    (suite,) = root
    cases = suite.findall("testcase")
    assert (
        len({(case.get("classname"), case.get("name")) for case in cases}) == len(cases) == int(suite.get("tests", ""))
    )
    assert len(suite.findall("testcase/failure")) == int(suite.get("failures", ""))
    assert len(suite.findall("testcase/skipped")) == int(suite.get("skipped", ""))
    return root


#: The SARIF technical committee's, as Microsoft's package @microsoft/jest-sarif 1.0.0-beta.0 (MIT) brings it.
SARIF = Path(__file__).parent / "schemas" / "sarif-2.1.0-rtm.5.json"


def check_sarif(text: str) -> dict[str, Any]:
    """Check SARIF against its schema, and what GitHub asks for besides; return its only run."""
    content = json.loads(text)
    jsonschema.Draft4Validator(json.loads(SARIF.read_text("utf-8"))).validate(content)
    (run,) = content["runs"]
    assert len(run["results"]) <= 25_000
    for result in run["results"]:
        (location,) = result["locations"]
        place = location["physicalLocation"]
        assert place["region"] == {"startLine": 1, "startColumn": 1, "endLine": 1, "endColumn": 1}
        assert Path(unquote(place["artifactLocation"]["uri"])).is_file()
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["partialFingerprints"]["primaryLocationLineHash"]
    return dict(run)


#: As GitLab's documentation on code quality describes it.
GITLAB = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["description", "check_name", "fingerprint", "severity", "location"],
        "additionalProperties": False,
        "properties": {
            "description": {"type": "string", "minLength": 1},
            "check_name": {"type": "string", "minLength": 1},
            "fingerprint": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
            "severity": {"enum": ["info", "minor", "major", "critical", "blocker"]},
            "location": {
                "type": "object",
                "required": ["path", "lines"],
                "additionalProperties": False,
                "properties": {
                    "path": {"type": "string", "pattern": "^(?!\\./|\\.\\./|/).+"},
                    "lines": {
                        "type": "object",
                        "required": ["begin"],
                        "properties": {"begin": {"type": "integer", "minimum": 1}},
                    },
                },
            },
        },
    },
}


def check_gitlab(text: str) -> list[dict[str, Any]]:
    """Check a report on code quality; entries with the same fingerprint would be one."""
    entries = json.loads(text)
    jsonschema.Draft202012Validator(GITLAB).validate(entries)
    prints = [entry["fingerprint"] for entry in entries]
    assert len(set(prints)) == len(prints)
    return list(entries)


def check_markdown(text: str, messages: list[str], warnings: Sequence[str] = ()) -> None:
    """Read the Markdown as GitHub would: a heading, a paragraph, warnings, a table; the last cells are the messages."""
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text)
    list_of_warnings = ["bullet_list_open"] if warnings else []
    assert [t.type for t in tokens if t.level == 0 and t.nesting >= 0] == [
        "heading_open",
        "paragraph_open",
        *list_of_warnings,
        "table_open",
    ]
    inline = [token for token in tokens if token.type == "inline"]
    items, cells = inline[2 : 2 + len(warnings)], inline[2 + len(warnings) + 7 :]
    assert len(cells) == 7 * len(messages)
    for part in (*inline[:2], *cells[6::7]):
        assert {child.type for child in part.children or []} <= {"text", "text_special"}
    for item, warning in zip(items, warnings, strict=True):
        kinds = [child.type for child in item.children or [] if child.type not in ("text", "text_special")]
        assert kinds == ["strong_open", "strong_close"]
        assert _content(item).endswith(warning.strip())
    assert [_content(cell) for cell in cells[6::7]] == [message.strip() for message in messages]


def _content(part: Token) -> str:
    return "".join(child.content for child in part.children or []).strip()
