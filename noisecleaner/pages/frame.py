"""What a page holds -> one file of HTML that needs nothing from outside, and lets nobody else's script run."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from noisecleaner import __version__

_HERE = "noisecleaner.pages"


@dataclass(frozen=True, kw_only=True)
class Frame:
    """What stands around the content of a page.

    Args:
        mark: of `mark`, by which a later page knows that it may replace this one.
        title: of the window; any text.
        style: of the page's own, after what all pages share; written here.
        script: likewise.
        foot: the last line; any text.
        pictures: where images may come from, as the policy says it.
    """

    mark: str
    title: str
    style: str
    script: str
    foot: str
    pictures: str = "data:"

    def around(self, content: str) -> str:
        """Make the whole page. Equal content gives equal bytes.

        Args:
            content: rendered by an environment of `environment`, and so escaped.
        """
        return (
            environment(_HERE)
            .get_template("frame.html.j2")
            .render(
                mark=Markup(self.mark),  # noqa: S704  # of ours
                title=self.title,
                nonce=_nonce(content, self.style, self.script),
                pictures=self.pictures,
                style=Markup(styled(self.style)),  # noqa: S704  # of ours
                script=Markup(self.script),  # noqa: S704  # of ours
                content=Markup(content),  # noqa: S704  # rendered, and so escaped
                version=__version__,
                foot=self.foot,
            )
        )


def mark(kind: str) -> str:
    """The tag at the beginning of each page of a kind: what has it may be replaced by another."""
    return f'<meta name="generator" content="noisecleaner-{kind}">'


def styled(own: str) -> str:
    """Put a style of a page's own behind what all pages share."""
    return template(_HERE, "base.css") + own


def template(package: str, name: str) -> str:
    """Read a file of a package's templates."""
    return (files(package) / "templates" / name).read_text("utf-8")


@cache
def environment(package: str, **filters: Callable[..., str]) -> Environment:
    """Make the environment in which a package's templates are rendered: every text in them is escaped.

    Args:
        package: has a folder `templates`.
        filters: those that the templates use, by their names.
    """
    made = Environment(
        loader=PackageLoader(package),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= filters
    return made


def _nonce(*texts: str) -> str:
    """What lets this page's own script and style run, and no other: it changes with whatever the page holds."""
    digest = hashlib.sha256(json.dumps(texts).encode()).digest()
    return base64.b64encode(digest[:18]).decode("ascii")
