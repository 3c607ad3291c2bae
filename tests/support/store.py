"""An object store of this machine that speaks as much of S3 as reading needs; it can be slow, flaky or closed."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

#: What no test waits for.
_LONG = 60.0


@dataclass
class Store:
    """What lies in it, and how it behaves.

    Args:
        objects: `bucket/key` -> content.
        stalled: objects that are never answered for.
        flaky: how often each object is refused with 503 before it is given.
        closed: whether every request is refused with 403.
    """

    objects: Mapping[str, bytes]
    stalled: frozenset[str] = frozenset()
    flaky: int = 0
    closed: bool = False
    address: str = ""
    asked: Counter[str] = field(default_factory=Counter)
    together: int = 0
    most_together: int = 0
    lock: Any = field(default_factory=threading.Lock)
    ended: Any = field(default_factory=threading.Event)

    def uri(self, path: str, **options: object) -> str:
        """The address of an object or a folder for whoever reads it."""
        said = {"endpoint_override": self.address, "scheme": "http", "region": "us-east-1", **options}
        return f"s3://{path}?" + "&".join(f"{name}={value}" for name, value in said.items())


@contextmanager
def serving(store: Store) -> Iterator[Store]:
    """Answer requests in threads until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            _answer(self, store, body=False)

        def do_GET(self) -> None:
            _answer(self, store, body=True)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    store.address = f"127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield store
    finally:
        store.ended.set()
        server.shutdown()
        server.server_close()


def _answer(request: BaseHTTPRequestHandler, store: Store, *, body: bool) -> None:
    parts = urlsplit(request.path)
    path, query = unquote(parts.path).strip("/"), parse_qs(parts.query, keep_blank_values=True)
    with store.lock:
        store.asked[path] += 1
        store.together += 1
        store.most_together = max(store.most_together, store.together)
    try:
        time.sleep(0.002)  # so that requests at one time overlap
        _respond(request, store, path, query, body=body)
    finally:
        with store.lock:
            store.together -= 1


def _respond(
    request: BaseHTTPRequestHandler, store: Store, path: str, query: Mapping[str, list[str]], *, body: bool
) -> None:
    if store.closed:
        return _send(request, 403, _error("AccessDenied"), body=body)
    if path in store.stalled:
        store.ended.wait(_LONG)
    if path in store.objects and store.asked[path] <= store.flaky:
        return _send(request, 503, _error("SlowDown"), body=body)
    if "list-type" in query:
        return _send(request, 200, _listing(store, path, query), body=body)
    if path in store.objects:
        return _object(request, store.objects[path], body=body)
    buckets = {name.partition("/")[0] for name in store.objects}
    return _send(request, 200 if path in buckets else 404, b"" if path in buckets else _error("NoSuchKey"), body=body)


def _object(request: BaseHTTPRequestHandler, content: bytes, *, body: bool) -> None:
    asked = request.headers.get("Range")
    if not asked:
        return _send(request, 200, content, body=body)
    first, last = asked.removeprefix("bytes=").split("-")
    part = content[int(first) : int(last or len(content)) + 1]
    told = f"bytes {first}-{int(first) + len(part) - 1}/{len(content)}"
    return _send(request, 206, part, body=body, extra={"Content-Range": told})


def _listing(store: Store, bucket: str, query: Mapping[str, list[str]]) -> bytes:
    prefix, delimiter = query.get("prefix", [""])[0], query.get("delimiter", [""])[0]
    keys = sorted(name.partition("/")[2] for name in store.objects if name.startswith(f"{bucket}/"))
    below = [key for key in keys if key.startswith(prefix)]
    folders = sorted(
        {
            prefix + key[len(prefix) :].split(delimiter)[0] + delimiter
            for key in below
            if delimiter in key[len(prefix) :]
        }
        if delimiter
        else set()
    )
    files = [key for key in below if not delimiter or delimiter not in key[len(prefix) :]]
    rows = [
        f"<Contents><Key>{escape(key)}</Key><Size>{len(store.objects[f'{bucket}/{key}'])}</Size>"
        "<LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents>"
        for key in files
    ]
    rows += [f"<CommonPrefixes><Prefix>{escape(folder)}</Prefix></CommonPrefixes>" for folder in folders]
    count = f"<KeyCount>{len(files) + len(folders)}</KeyCount><IsTruncated>false</IsTruncated>"
    return f"<ListBucketResult><Name>{bucket}</Name>{count}{''.join(rows)}</ListBucketResult>".encode()


def _error(code: str) -> bytes:
    return f"<Error><Code>{code}</Code><Message>{code}</Message></Error>".encode()


def _send(
    request: BaseHTTPRequestHandler,
    status: int,
    content: bytes,
    *,
    body: bool,
    extra: Mapping[str, str] | None = None,
) -> None:
    request.send_response(status)
    for name, value in {"Content-Type": "application/xml", "ETag": '"0"', **(extra or {})}.items():
        request.send_header(name, value)
    request.send_header("Last-Modified", "Thu, 01 Jan 2026 00:00:00 GMT")
    request.send_header("Content-Length", str(len(content)))
    request.end_headers()
    if body:
        request.wfile.write(content)
