"""Object stores: opened with time limits and retries, and what they refuse, said in a paragraph.

Arrow reads s3://, gs://, abfs:// and hdfs:// itself; what it does not know is read through fsspec, where that is there.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

import pyarrow as pa
from pyarrow import fs

from noisecleaner.errors import NoisecleanerError

SCHEME = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*://")
#: What Arrow is told of S3 in an address; with more of it, it opens the address as it understands it.
_OF_ARROW = frozenset({"region", "scheme", "endpoint_override"})
#: Words by which stores say that they know the reader not, or not well enough; and that time was up.
_REFUSED = re.compile(
    r"ACCESS_DENIED|AccessDenied|INVALID_ACCESS_KEY|SIGNATURE|TOKEN|Forbidden|Unauthorized|\b40[13]\b"
)
_LATE = re.compile(r"[Tt]imeout|[Tt]imed out|curlCode: 28")
#: What an address of Google's store calls the seconds after which it is not asked again.
_GCS_LIMIT = "retry_limit_seconds"
_KEYS = {
    "s3": "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, to ones that may read it; for a public "
    "bucket write `?anonymous=true` behind the address.",
    "gcs": "Set GOOGLE_APPLICATION_CREDENTIALS; for a public bucket write `gs://anonymous@BUCKET/…`.",
}


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How long a store may take, and how often it is asked.

    Args:
        connect_timeout: seconds until a connection stands.
        request_timeout: seconds in which nothing comes.
        attempts: how often a request is made before that is an error.
    """

    connect_timeout: float = 10.0
    request_timeout: float = 30.0
    attempts: int = 5


@dataclass(frozen=True, kw_only=True)
class Store:
    """An opened file system, and its limits."""

    filesystem: Any
    limits: Limits


def open_uri(uri: str) -> tuple[Store, str]:
    """Open what an address names: the store, and the path in it.

    Raises:
        NoisecleanerError: nothing opens such addresses, or the limits in it are no numbers.
    """
    parts = urlsplit(uri)
    if parts.scheme == "s3":
        said = dict(parse_qsl(parts.query, keep_blank_values=True))
        if "endpoint_override" not in said:
            said |= _endpoint()
        store = _s3(parts.netloc, tuple(sorted(said.items())))
        return store, unquote(f"{parts.hostname or ''}{parts.path}").rstrip("/")
    if parts.scheme in ("gs", "gcs") and _GCS_LIMIT not in parts.query:
        # Google's own library asks for a quarter of an hour, in which no signal is heard
        told = "&".join(filter(None, [parts.query, f"{_GCS_LIMIT}={Limits.request_timeout:g}"]))
        uri = urlunsplit((parts.scheme, parts.netloc, parts.path, told, ""))
    try:
        filesystem, path = fs.FileSystem.from_uri(uri)
    except pa.ArrowInvalid as error:
        if "nrecognized filesystem" not in str(error):
            raise _unopened(uri, error) from error
        return _with_fsspec(uri)
    except MemoryError:
        raise
    except Exception as error:  # Arrow opens hf:// by the package of Hugging Face
        raise _unopened(uri, error) from error
    return Store(filesystem=filesystem, limits=Limits()), path


def _endpoint() -> dict[str, str]:
    """Where the environment says that S3 is, as AWS's own tools read it; Arrow reads it in some of its doors only."""
    url = urlsplit(os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or "")
    return {"endpoint_override": url.netloc, "scheme": url.scheme} if url.netloc and url.scheme else {}


@cache
def _s3(netloc: str, options: tuple[tuple[str, str], ...]) -> Store:
    """Open a bucket once, however many images of a table name it."""
    said = dict(options)
    uri = f"s3://{netloc}"
    limits = _limits(said, uri)
    anonymous = said.pop("anonymous", "false") == "true"
    query = urlencode(said)
    try:
        found, _ = fs.FileSystem.from_uri(urlunsplit(("s3", netloc, "", query, "")))
        if said.keys() <= _OF_ARROW:
            user = urlsplit(uri)
            found = fs.S3FileSystem(
                anonymous=anonymous,
                access_key=unquote(user.username) if user.username else None,
                secret_key=unquote(user.password) if user.password else None,
                region=said.get("region") or found.region,
                scheme=said.get("scheme"),
                endpoint_override=said.get("endpoint_override"),
                connect_timeout=limits.connect_timeout,
                request_timeout=limits.request_timeout,
                retry_strategy=fs.AwsStandardS3RetryStrategy(max_attempts=limits.attempts),
            )
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _unopened(uri, error) from error
    return Store(filesystem=found, limits=limits)


def _limits(said: dict[str, str], uri: str) -> Limits:
    """Take the limits out of what an address says."""
    try:
        return Limits(
            connect_timeout=float(said.pop("connect_timeout", Limits.connect_timeout)),
            request_timeout=float(said.pop("request_timeout", Limits.request_timeout)),
            attempts=int(said.pop("attempts", Limits.attempts)),
        )
    except ValueError as error:
        raise NoisecleanerError(
            f"Limits of an object store are numbers, but those of {uri} are not ({error}).",
            "Write them as in s3://BUCKET/FOLDER?request_timeout=60&attempts=8.",
        ) from error


def _with_fsspec(uri: str) -> tuple[Store, str]:
    """Open what Arrow does not know."""
    scheme = uri.partition("://")[0]
    try:
        import fsspec
    except ImportError as error:
        raise NoisecleanerError(
            f"Arrow cannot open {scheme}:// addresses, and fsspec, which knows more of them, is not installed.",
            "pip install 'noisecleaner[cloud]'",
        ) from error
    try:
        opened, path = fsspec.core.url_to_fs(uri)
    except ImportError as error:
        raise NoisecleanerError(f"{uri} needs a package that is not installed ({error}).", "Install it.") from error
    except Exception as error:  # what a package raises of an address is its own choice
        raise _unopened(uri, error) from error
    return Store(filesystem=fs.PyFileSystem(fs.FSSpecHandler(opened)), limits=Limits()), path.rstrip("/")


def _unopened(uri: str, error: Exception) -> NoisecleanerError:
    return NoisecleanerError(
        f"{uri} cannot be opened ({error}).", "Give a local path, or a URI such as s3://bucket/folder."
    )


@contextmanager
def answering(address: str, filesystem: Any, limits: Limits | None) -> Iterator[None]:
    """Say in a paragraph what a store refused; what is not there, and errors of this machine's disk, come through.

    Args:
        address: of what is read.
        filesystem: where it lies.
        limits: those of its store; None on this machine.

    Raises:
        NoisecleanerError: the store is closed to the reader, too slow, or out of reach.
    """
    try:
        yield
    except FileNotFoundError:
        raise
    except (MemoryError, NoisecleanerError):
        raise
    except Exception as error:  # Arrow raises an OSError, and packages behind fsspec what they like: hf:// that of HTTP
        if limits is None or not isinstance(error, (OSError, *_of_packages(filesystem))):
            raise
        raise _refusal(address, filesystem.type_name, limits, error) from error


def _of_packages(filesystem: Any) -> tuple[type[Exception], ...]:
    """What else may be raised where a file system is not Arrow's own."""
    return (Exception,) if isinstance(filesystem, fs.PyFileSystem) else ()


def _refusal(address: str, kind: str, limits: Limits, error: Exception) -> NoisecleanerError:
    text = " ".join(str(error).split())
    if isinstance(error, PermissionError) or _REFUSED.search(text):
        hint = _KEYS.get(kind, "Check the credentials of that store.")
        return NoisecleanerError(f"{address} must be open to whoever reads it, but its store refuses: {text}.", hint)
    if isinstance(error, TimeoutError) or _LATE.search(text):
        return NoisecleanerError(
            f"{address} must answer within {limits.request_timeout:g} s, but did not in {limits.attempts} attempts: "
            f"{text}.",
            "Check network and store, and try again; where it is only slow, write `?request_timeout=120` behind the "
            "address.",
        )
    return NoisecleanerError(
        f"{address} must be within reach, but cannot be read, after {limits.attempts} attempts: {text}.",
        "Check the address, the network and the store, and try again.",
    )


def shown(filesystem: Any, path: str) -> str:
    """The address of a path of a store as one writes it."""
    names: Mapping[str, str] = {"gcs": "gs"}
    kind = str(filesystem.type_name)
    return f"{names.get(kind, kind.removeprefix('py::fsspec+'))}://{path}"
