"""Verdicts for the gate's tests, and readers of the formats that they are written in."""

from __future__ import annotations

import json
from xml.etree import ElementTree

from hypothesis import strategies as st
from markdown_it import MarkdownIt

from noisecleaner.gate.limits import Level
from noisecleaner.gate.rules import rules
from noisecleaner.gate.verdicts import Finding, Outcome, Verdict
from support.datasets import Command


def only_finding(command: Command, *words: object) -> dict[str, object]:
    """The only finding of a gate."""
    outcome = command("gate", *words, "--format", "json")
    content = json.loads(outcome.out)
    assert content["exit_code"] == outcome.code
    (finding,) = content["findings"]
    return dict(finding)


def verdict(messages: list[str], run: str = "run", outcome: Outcome = Outcome.FAILED) -> Verdict:
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
    return Verdict(run, tuple(findings))


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


def check_markdown(text: str, messages: list[str]) -> None:
    """Read the Markdown as GitHub would: a heading, a paragraph, a table; the last cells are the messages."""
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text)
    assert [t.type for t in tokens if t.level == 0 and t.nesting >= 0] == [
        "heading_open",
        "paragraph_open",
        "table_open",
    ]
    inline = [token for token in tokens if token.type == "inline"]
    cells = inline[2 + 7 :]
    assert len(cells) == 7 * len(messages)
    for cell, message in zip(cells[6::7], messages, strict=True):
        assert {child.type for child in cell.children or []} <= {"text", "text_special"}
        assert "".join(child.content for child in cell.children or []).strip() == message.strip()
