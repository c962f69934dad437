"""A hub of models on 127.0.0.1: what the real one answers of the few addresses that its client asks for.

It can be gated, private, at its limit, and break a download off in the middle; it understands Range.
"""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

COMMIT = "a" * 40
TOKEN = "hf_" + "t" * 34
LARGE = (".safetensors", ".gguf")


@dataclass
class Hub:
    """Repositories by id, each with its files by name; `ranges` are the beginnings that were asked for, by file."""

    repositories: dict[str, dict[str, bytes]]
    gated: bool = False
    private: bool = False
    limit: bool = False
    breaks_after: int = 0
    """Bytes after which the next download of a large file breaks off, once; 0 for never."""

    damaged: bool = False
    licence: str = "apache-2.0"
    endpoint: str = ""
    ranges: dict[str, list[int]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def siblings(self, name: str) -> list[dict[str, Any]]:
        """What the hub lists of the files."""
        return [entry(file, content) for file, content in self.repositories[name].items()]


def entry(file: str, content: bytes) -> dict[str, Any]:
    said: dict[str, Any] = {
        "rfilename": file,
        "size": len(content),
        "blobId": hashlib.sha1(content).hexdigest(),
    }
    if file.endswith(LARGE):
        digest = _sha256(content)
        said["lfs"] = {"sha256": digest, "size": len(content), "pointerSize": 130}
    return said


@cache
def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def files_of(folder: Path) -> dict[str, bytes]:
    """A model folder's files as a repository."""
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}


@contextmanager
def serving(hub: Hub) -> Iterator[str]:
    """The hub's address, for as long as it serves."""

    class Answering(_Handler):
        stands_for = hub

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    hub.endpoint = f"http://127.0.0.1:{server.server_port}"
    try:
        yield hub.endpoint
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    stands_for: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, body: bool) -> None:
        hub, path = self.stands_for, urlsplit(self.path).path
        hub.asked.append(path)
        known = self.headers.get("authorization") == f"Bearer {TOKEN}"
        about = path.startswith("/api/models/")
        parts = path.removeprefix("/api/models/").strip("/").split("/")
        name = "/".join(parts[:2])
        if hub.limit:
            self._refuse(429, "")
        elif name not in hub.repositories or (hub.private and not known):
            self._refuse(401 if hub.private else 404, "RepoNotFound")
        elif hub.gated and not known and (not about or parts[2:3] == ["auth-check"]):
            self._refuse(403 if about else 401, "GatedRepo")
        elif about and parts[2:3] == ["revision"] and parts[3] not in ("main", COMMIT):
            self._refuse(404, "RevisionNotFound")
        elif about:
            self._send(200, json.dumps(self._about(name)).encode(), body)
        else:
            self._file(name, "/".join(parts[4:]), body)

    def _about(self, name: str) -> dict[str, Any]:
        hub = self.stands_for
        return {
            "id": name,
            "modelId": name,
            "sha": COMMIT,
            "private": hub.private,
            "gated": "manual" if hub.gated else False,
            "tags": [f"license:{hub.licence}"],
            "cardData": {"license": hub.licence},
            "siblings": hub.siblings(name),
        }

    def _file(self, name: str, file: str, body: bool) -> None:
        hub, content = self.stands_for, self.stands_for.repositories[name].get(file)
        if content is None:
            self._refuse(404, "EntryNotFound")
            return
        said = entry(file, content)
        digest = said.get("lfs", {}).get("sha256") or said["blobId"]
        more = {"ETag": f'"{digest}"', "X-Repo-Commit": COMMIT, "Accept-Ranges": "bytes"}
        if hub.damaged and body:
            content = b"\0" * len(content)
        start = int(self.headers.get("range", "bytes=0-").removeprefix("bytes=").split("-")[0] or 0)
        if body:
            hub.ranges.setdefault(file, []).append(start)
        if start:
            more["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        cut = 0
        if body and file.endswith(LARGE) and hub.breaks_after:
            cut, hub.breaks_after = hub.breaks_after, 0
        self._send(206 if start else 200, content[start:], body, more, cut)

    def _send(
        self, status: int, content: bytes, body: bool, more: dict[str, str] | None = None, cut: int = 0
    ) -> None:
        self.send_response(status)
        for header, value in {**(more or {}), "Content-Length": str(len(content))}.items():
            self.send_header(header, value)
        self.end_headers()
        if body:
            self.wfile.write(content[:cut] if cut else content)
        if cut:
            self.wfile.flush()
            self.connection.close()
            self.close_connection = True

    def _refuse(self, status: int, code: str) -> None:
        self.send_response(status)
        if code:
            self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()
