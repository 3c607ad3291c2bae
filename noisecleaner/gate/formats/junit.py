"""JUnit XML as Jenkins and GitLab read it: one test case for each rule."""

from __future__ import annotations

import re
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from noisecleaner.gate.limits import Level
from noisecleaner.gate.verdicts import Effect, Finding, Outcome, Verdict
from noisecleaner.texts import printable

# XML 1.0 has no way to write these, not even escaped; `printable` has replaced the control characters
_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(verdict: Verdict) -> str:
    """Write the verdict as one test suite; what makes the exit code other than 0 is a failure."""
    failures = verdict.count(Effect.FAILS) + verdict.count(Effect.UNDECIDED)
    counts = {"tests": str(len(verdict.findings)), "failures": str(failures), "errors": "0"}
    root = Element("testsuites", {"name": "noisecleaner", **counts})
    suite = SubElement(root, "testsuite", {"name": "noisecleaner gate", **counts})
    properties = SubElement(suite, "properties")
    for name, value in {"run": _legal(verdict.run), "outcome": verdict.outcome.value}.items():
        SubElement(properties, "property", {"name": name, "value": value})
    for finding in verdict.findings:
        case = SubElement(suite, "testcase", {"name": finding.rule, "classname": "noisecleaner.gate"})
        _describe(case, finding, verdict.effect(finding))
    suite.set("skipped", str(len(suite.findall("testcase/skipped"))))
    indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{tostring(root, encoding="unicode")}\n'


def _describe(case: Element, finding: Finding, effect: Effect) -> None:
    message = _legal(finding.message)
    if effect in (Effect.FAILS, Effect.UNDECIDED):
        kind = "inconclusive" if finding.outcome is Outcome.INCONCLUSIVE else "failed"
        SubElement(case, "failure", {"type": kind, "message": message}).text = message
    elif finding.outcome is Outcome.INCONCLUSIVE:
        SubElement(case, "skipped", {"message": message})
    elif finding.outcome is Outcome.FAILED:
        assert finding.level is Level.WARN  # noqa: S101  # or it would have an effect
        SubElement(case, "system-out").text = f"Warning: {message}"


def _legal(text: str) -> str:
    return _ILLEGAL.sub("�", printable(text))
