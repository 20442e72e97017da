"""A small Azure Files: the REST data plane of one account's shares, with its signatures, errors and pages.

Nobody else has an emulator of it. Requests must be signed: with the account's key (the string to sign of 2015 and
later), or by a shared access signature of a file. Files are kept in memory; a range that was never written is zeros.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qsl, unquote, urlsplit
from xml.sax.saxutils import escape

from services.loopback import serving

__all__ = ["FileShares", "running_file_shares"]

ACCOUNT = "amltests"
KEY = base64.b64encode(b"a key of the tests and of nobody else, 64 bytes long as real ones").decode()
LARGEST_RANGE = 4 << 20
PAGE = 3
_SIGNED_HEADERS = (
    "content-encoding",
    "content-language",
    "content-length",
    "content-md5",
    "content-type",
    "date",
    "if-modified-since",
    "if-match",
    "if-none-match",
    "if-unmodified-since",
    "range",
)


@dataclass
class File:
    """A file: its bytes, what of them was written, and what it carries along."""

    content: bytearray
    headers: dict[str, str]
    ranges: list[tuple[int, int]] = field(default_factory=list)
    etag: str = field(default_factory=lambda: f'"0x{uuid.uuid4().hex[:15].upper()}"')


@dataclass
class Share:
    """A share: its folders and files by path."""

    folders: set[str] = field(default_factory=lambda: {""})
    files: dict[str, File] = field(default_factory=dict)


@dataclass
class FileShares:
    """A running emulator."""

    url: str
    account: str = ACCOUNT
    key: str = KEY
    shares: dict[str, Share] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)
    calls: list[str] = field(default_factory=list)

    def create_share(self) -> str:
        """Create a share with a name of its own."""
        name = f"test-{uuid.uuid4().hex[:12]}"
        self.shares[name] = Share()
        return name


class RefusedError(Exception):
    """An answer that is an error."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status = status
        self.code = code


@contextmanager
def running_file_shares() -> Iterator[FileShares]:
    """Start the emulator and stop it at the end."""
    with serving(_Handler) as server:
        shares = FileShares(f"http://127.0.0.1:{server.server_port}/{ACCOUNT}")
        server.emulator = shares  # type: ignore[attr-defined]
        yield shares


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_arguments: object) -> None:
        """Tests read ``calls``."""

    def do_GET(self) -> None:
        self._serve()

    def do_HEAD(self) -> None:
        self._serve()

    def do_PUT(self) -> None:
        self._serve()

    def do_DELETE(self) -> None:
        self._serve()

    def _serve(self) -> None:
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.parts = urlsplit(self.path)
        self.query = dict(parse_qsl(self.parts.query, keep_blank_values=True))
        emulator: FileShares = self.server.emulator
        emulator.calls.append(f"{self.command} {self.path}")
        try:
            with emulator.lock:
                self._check_signature()
                account, _, rest = unquote(self.parts.path).strip("/").partition("/")
                assert account == ACCOUNT
                name, _, path = rest.partition("/")
                self._route(emulator, name, path)
        except RefusedError as refused:
            self._refuse(refused)

    def _route(self, emulator: FileShares, name: str, path: str) -> None:
        if name not in emulator.shares:
            raise RefusedError(404, "ShareNotFound")
        share = emulator.shares[name]
        kind, comp = self.query.get("restype", ""), self.query.get("comp", "")
        match (self.command, kind, comp):
            case ("PUT", "directory", ""):
                self._make_folder(share, path)
            case ("GET", "directory", "list"):
                self._list(share, name, path)
            case ("PUT", "", ""):
                self._create(share, path)
            case ("PUT", "", "range"):
                self._write(share, path)
            case ("PUT", "", "rename"):
                self._rename(share, name, path)
            case ("GET", "", "rangelist"):
                self._ranges(share, path)
            case ("GET" | "HEAD", "", ""):
                self._read(share, path)
            case ("DELETE", "", ""):
                self._file(share, path)
                del share.files[path]
                self._answer(202)
            case _:
                raise RefusedError(400, "UnsupportedHttpVerb")

    def _make_folder(self, share: Share, path: str) -> None:
        self._check_parent(share, path)
        if path in share.folders or path in share.files:
            raise RefusedError(409, "ResourceAlreadyExists")
        share.folders.add(path)
        self._answer(201)

    def _create(self, share: Share, path: str) -> None:
        self._check_parent(share, path)
        if path in share.folders:
            raise RefusedError(409, "ResourceTypeMismatch")
        if self.headers.get("x-ms-type") != "file":
            raise RefusedError(400, "MissingRequiredHeader")
        kept = {name: value for name, value in self.headers.items() if name.lower().startswith("x-ms-meta-")}
        kept["Content-Type"] = self.headers.get("x-ms-content-type", "application/octet-stream")
        if "x-ms-content-md5" in self.headers:
            kept["Content-MD5"] = self.headers["x-ms-content-md5"]
        share.files[path] = File(bytearray(int(self.headers["x-ms-content-length"])), kept)
        self._answer(201, headers={"ETag": share.files[path].etag})

    def _write(self, share: Share, path: str) -> None:
        file = self._file(share, path)
        start, end = self._range()
        if end - start + 1 != len(self.body) or self.headers.get("x-ms-write") != "update":
            raise RefusedError(400, "InvalidHeaderValue")
        if len(self.body) > LARGEST_RANGE:
            raise RefusedError(413, "RequestBodyTooLarge")
        if end >= len(file.content):
            raise RefusedError(416, "InvalidRange")
        said = self.headers.get("Content-MD5")
        if said and said != base64.b64encode(hashlib.md5(self.body).digest()).decode():
            raise RefusedError(400, "Md5Mismatch")
        file.content[start : end + 1] = self.body
        file.ranges = _merged([*file.ranges, (start, end)])
        file.etag = File(bytearray(), {}).etag
        self._answer(201, headers={"ETag": file.etag})

    def _rename(self, share: Share, name: str, path: str) -> None:
        source = unquote(urlsplit(self.headers["x-ms-file-rename-source"]).path).partition(f"/{ACCOUNT}/{name}/")[2]
        file = self._file(share, source)
        self._check_parent(share, path)
        if path in share.folders:
            raise RefusedError(409, "ResourceTypeMismatch")
        if path in share.files and (self.headers.get("x-ms-file-rename-replace-if-exists") or "").lower() != "true":
            raise RefusedError(409, "ResourceAlreadyExists")
        share.files[path] = file
        del share.files[source]
        self._answer(200, headers={"ETag": file.etag})

    def _ranges(self, share: Share, path: str) -> None:
        file = self._file(share, path)
        ranges = "".join(f"<Range><Start>{start}</Start><End>{end}</End></Range>" for start, end in file.ranges)
        headers = {"x-ms-content-length": str(len(file.content)), "ETag": file.etag}
        self._answer_xml(f"<Ranges>{ranges}</Ranges>", headers)

    def _read(self, share: Share, path: str) -> None:
        file = self._file(share, path)
        headers = file.headers | {"ETag": file.etag, "x-ms-type": "File", "Accept-Ranges": "bytes"}
        if self.command == "HEAD":
            self._answer(200, headers=headers | {"Content-Length": str(len(file.content))})
            return
        if not self._has_range():
            self._answer(200, bytes(file.content), headers)
            return
        start, end = self._range()
        if start >= len(file.content):
            raise RefusedError(416, "InvalidRange")
        end = min(end, len(file.content) - 1)
        headers.pop("Content-MD5", None)
        headers["Content-Range"] = f"bytes {start}-{end}/{len(file.content)}"
        self._answer(206, bytes(file.content[start : end + 1]), headers)

    def _list(self, share: Share, name: str, path: str) -> None:
        if path not in share.folders:
            raise RefusedError(404, "ResourceNotFound")
        below = f"{path}/" if path else ""
        children = sorted(
            entry for entry in (*share.folders, *share.files)
            if entry and entry.startswith(below) and "/" not in entry[len(below) :]
        )  # fmt: skip
        marker = self.query.get("marker", "")
        rest = [entry for entry in children if entry >= marker]
        entries = "".join(self._entry(share, entry, entry[len(below) :]) for entry in rest[:PAGE])
        following = escape(rest[PAGE]) if len(rest) > PAGE else ""
        self._answer_xml(
            f'<EnumerationResults ServiceEndpoint="{self.server.emulator.url}/" ShareName="{name}" '
            f'DirectoryPath="{escape(path)}"><Entries>{entries}</Entries><NextMarker>{following}</NextMarker>'
            "</EnumerationResults>",
            {},
        )

    def _entry(self, share: Share, path: str, name: str) -> str:
        if path in share.folders:
            return f"<Directory><Name>{escape(name)}</Name><Properties /></Directory>"
        size = len(share.files[path].content)
        return (
            f"<File><Name>{escape(name)}</Name><Properties><Content-Length>{size}</Content-Length></Properties></File>"
        )

    def _file(self, share: Share, path: str) -> File:
        self._check_parent(share, path)
        if path not in share.files:
            raise RefusedError(404, "ResourceNotFound")
        return share.files[path]

    def _check_parent(self, share: Share, path: str) -> None:
        if path.rpartition("/")[0] not in share.folders:
            raise RefusedError(404, "ParentNotFound")

    def _has_range(self) -> bool:
        return "Range" in self.headers or "x-ms-range" in self.headers

    def _range(self) -> tuple[int, int]:
        start, _, end = (self.headers.get("x-ms-range") or self.headers["Range"]).removeprefix("bytes=").partition("-")
        return int(start), int(end) if end else 1 << 60

    def _check_signature(self) -> None:
        if "x-ms-version" not in self.headers and "sv" not in self.query:
            raise RefusedError(400, "MissingRequiredHeader")
        authorization = self.headers.get("Authorization", "")
        if authorization != f"SharedKey {ACCOUNT}:{_hmac(self._string_to_sign())}" and not self._has_good_sas():
            raise RefusedError(403, "AuthenticationFailed")

    def _string_to_sign(self) -> str:
        values = {name.lower(): value for name, value in self.headers.items()}
        values["content-length"] = "" if values.get("content-length") == "0" else values.get("content-length", "")
        values["date"] = "" if "x-ms-date" in values else values.get("date", "")
        ours = sorted((name, value) for name, value in values.items() if name.startswith("x-ms-"))
        query = "".join(f"\n{name.lower()}:{value}" for name, value in sorted(self.query.items()))
        return (
            "\n".join([self.command, *(values.get(name, "") for name in _SIGNED_HEADERS)])
            + "\n"
            + "".join(f"{name}:{value}\n" for name, value in ours)
            + f"/{ACCOUNT}{self.parts.path}{query}"
        )

    def _has_good_sas(self) -> bool:
        """Check the signature of a file, for reading: nothing else is signed in these tests."""
        query = self.query
        if "sig" not in query or self.command not in {"GET", "HEAD"} or "r" not in query.get("sp", ""):
            return False
        if datetime.fromisoformat(query["se"]) < datetime.now(tz=UTC):
            return False
        if query.get("sr") != "f":
            return False
        resource = f"/file{unquote(self.parts.path)}"
        names = ("si", "sip", "spr", "sv", "rscc", "rscd", "rsce", "rscl", "rsct")
        lines = [query["sp"], query.get("st", ""), query["se"], resource, *(query.get(name, "") for name in names)]
        return hmac.compare_digest(_hmac("\n".join(lines)), query["sig"])

    def _refuse(self, refused: RefusedError) -> None:
        body = f"<?xml version='1.0' encoding='utf-8'?><Error><Code>{refused.code}</Code><Message>No.</Message></Error>"
        headers = {"x-ms-error-code": refused.code, "Content-Type": "application/xml"}
        self._answer(refused.status, b"" if self.command == "HEAD" else body.encode(), headers)

    def _answer_xml(self, body: str, headers: dict[str, str]) -> None:
        text = f"<?xml version='1.0' encoding='utf-8'?>{body}"
        self._answer(200, text.encode(), headers | {"Content-Type": "application/xml"})

    def _answer(self, status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        given = {"Content-Length": str(len(body)), "Last-Modified": formatdate(usegmt=True)} | (headers or {})
        for name, value in {"x-ms-request-id": str(uuid.uuid4()), "x-ms-version": "2025-11-05", **given}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def _hmac(text: str) -> str:
    return base64.b64encode(hmac.digest(base64.b64decode(KEY), text.encode(), "sha256")).decode()


def _merged(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(ranges):
        if merged and start <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
