"""JUnit XML as Jenkins and GitLab read it: one test case for each rule."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from noisecleaner.gate.limits import Level
from noisecleaner.gate.verdicts import Effect, Finding, Outcome, Verdict
from noisecleaner.notices import doubts
from noisecleaner.texts import printable, xml_text


def render(verdict: Verdict) -> str:
    """Write the verdict as one test suite; what makes the exit code other than 0 is a failure.

    Each case is told apart from those of other runs by its class name, so that one report may hold many gates. What a
    reader must know of the numbers stands below the suite and in each case.
    """
    failures = verdict.count(Effect.FAILS) + verdict.count(Effect.UNDECIDED)
    counts = {"tests": str(len(verdict.findings)), "failures": str(failures), "errors": "0"}
    counts["time"] = _seconds(*verdict.findings)
    root = Element("testsuites", {"name": "noisecleaner", **counts})
    suite = SubElement(root, "testsuite", {"name": f"noisecleaner gate {_legal(verdict.run)}", **counts})
    properties = SubElement(suite, "properties")
    for name, value in _properties(verdict):
        SubElement(properties, "property", {"name": _legal(name), "value": _legal(value)})
    remarks, classname = list(_remarks(verdict)), f"noisecleaner.gate.{_one_part(verdict.run)}"
    for finding in verdict.findings:
        facts = {"name": finding.rule, "classname": classname, "time": _seconds(finding)}
        case = SubElement(suite, "testcase", facts)
        _describe(case, finding, verdict.effect(finding), remarks)
    SubElement(suite, "system-out").text = "\n".join([_legal(verdict.counts.coverage), *_warnings(verdict)])
    suite.set("skipped", str(len(suite.findall("testcase/skipped"))))
    indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{tostring(root, encoding="unicode")}\n'


def _seconds(*findings: Finding) -> str:
    return f"{sum(finding.seconds for finding in findings):.3f}"


def _properties(verdict: Verdict) -> Iterator[tuple[str, str]]:
    yield "run", verdict.run
    yield "outcome", verdict.outcome.value
    yield "rows", verdict.counts.coverage
    yield from ((f"{notice.severity}: {notice.code}", notice.message) for notice in doubts(verdict.notices))


def _remarks(verdict: Verdict) -> Iterator[str]:
    """What stands beside every rule, where there is something to say."""
    if verdict.counts.skipped:
        yield _legal(verdict.counts.coverage)
    yield from _warnings(verdict)


def _warnings(verdict: Verdict) -> Iterator[str]:
    yield from (_legal(f"Warning: {notice.message}") for notice in doubts(verdict.notices))


def _describe(case: Element, finding: Finding, effect: Effect, remarks: list[str]) -> None:
    message = _legal(finding.message)
    if effect in (Effect.FAILS, Effect.UNDECIDED):
        kind = "inconclusive" if finding.outcome is Outcome.INCONCLUSIVE else "failed"
        SubElement(case, "failure", {"type": kind, "message": message}).text = "\n".join([message, *remarks])
    elif finding.outcome is Outcome.INCONCLUSIVE:
        SubElement(case, "skipped", {"message": " ".join([message, *remarks])})
    elif finding.outcome is Outcome.FAILED:
        assert finding.level is Level.WARN  # noqa: S101  # or it would have an effect
        SubElement(case, "system-out").text = "\n".join([f"Warning: {message}", *remarks])
    elif remarks:
        SubElement(case, "system-out").text = "\n".join([message, *remarks])


def _one_part(run: str) -> str:
    """Write a run without full stops, at which readers of class names part them; two runs stay two."""
    return _legal(run).replace("%", "%25").replace(".", "%2E")


def _legal(text: str) -> str:
    return xml_text(printable(text))
