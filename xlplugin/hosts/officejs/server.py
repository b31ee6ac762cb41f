"""The local server behind the Office add-in: four documents and one POST, for this machine only.

Client data travels to it, so it binds to the loopback address, answers its own origin only, takes a
token if one is set, and limits the size and time of a request.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import hmac
import ipaddress
import json
import logging
import struct
import zlib
from typing import TYPE_CHECKING, Any, NamedTuple

from fastapi import FastAPI, Request, Response

from xlplugin import __version__
from xlplugin.errors import HostError, InputError
from xlplugin.hosts.market import connect
from xlplugin.hosts.officejs import documents
from xlplugin.hosts.officejs.calls import respond

if TYPE_CHECKING:
    from pathlib import Path

    from xlplugin.worksheet.registry import Registry

__all__ = ["Limits", "application", "make_certificate", "serve"]

log = logging.getLogger("xlplugin")
_TOKEN_HEADER = "x-xlplugin-token"


class Limits(NamedTuple):
    """What one request may cost: bytes of its body, seconds of computing."""

    size: int = 32 * 2**20
    seconds: float = 60.0


def application(
    registry: Registry, *, address: str, language: str = "en", token: str = "", limits: Limits | None = None
) -> FastAPI:
    """The server as an ASGI application.

    Parameters
    ----------
    registry : Registry
        What it offers.
    address : str
        Its own address, ``https://localhost:8443``: the only origin whose calls are answered.
    language : str
        "ja" or "en", where the add-in does not ask for another.
    token : str
        If set, calls must carry it.
    limits : Limits, optional
        For one request.
    """
    limits = limits or Limits()
    app = FastAPI(title="xlplugin", version=__version__, docs_url=None, redoc_url=None, openapi_url=None)

    def chosen(request: Request) -> str:
        asked = request.query_params.get("language", language)
        return asked if asked in {"ja", "en"} else language

    @app.get("/functions.json")
    async def functions_json(request: Request) -> Response:
        return _json(documents.metadata(registry, chosen(request)))

    @app.get("/functions.js")
    async def functions_js() -> Response:
        return Response(documents.script(registry, token=token), media_type="text/javascript")

    @app.get("/taskpane.html")
    async def task_pane(request: Request) -> Response:
        return Response(documents.task_pane(chosen(request)), media_type="text/html")

    @app.get("/manifest.xml")
    async def manifest(request: Request) -> Response:
        text = documents.manifest(address, version=__version__, language=chosen(request))
        return Response(text, media_type="application/xml")

    @app.get("/icon-{size}.png")
    async def icon(size: int) -> Response:
        return (
            Response(_icon(size), media_type="image/png")
            if size in {32, 64}
            else _refused(404, "no such icon")
        )

    @app.post("/call")
    async def call(request: Request) -> Response:
        if request.headers.get("origin", address) != address:
            return _refused(403, "calls from another page are not answered")
        if token and not hmac.compare_digest(request.headers.get(_TOKEN_HEADER, ""), token):
            return _refused(401, "the token is missing or wrong")
        try:
            body = await asyncio.wait_for(_body(request, limits.size), limits.seconds)
        except TimeoutError:
            return _refused(408, f"the request took more than {limits.seconds:g} seconds to arrive")
        if body is None:
            return _refused(413, f"the request is larger than {limits.size} bytes")
        try:
            data = json.loads(body)
            work = asyncio.to_thread(respond, data, registry)
            return _json(await asyncio.wait_for(work, limits.seconds))
        except (json.JSONDecodeError, UnicodeDecodeError):
            return _refused(400, "the body is not JSON")
        except RecursionError:
            return _refused(400, "brackets lie too deep in each other")
        except InputError as error:
            return _refused(400, str(error))
        except TimeoutError:
            return _refused(503, f"the calls took more than {limits.seconds:g} seconds; ask for less at once")

    return app


def _json(data: dict[str, Any]) -> Response:
    return Response(json.dumps(data, ensure_ascii=False, allow_nan=False), media_type="application/json")


def _refused(status: int, sentence: str) -> Response:
    return Response(json.dumps({"refused": sentence}), status_code=status, media_type="application/json")


async def _body(request: Request, limit: int) -> bytes | None:
    """The body, or None as soon as it is larger than `limit`, whatever its header says."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            return None
    return bytes(body)


def _icon(size: int) -> bytes:
    """A plain square with two bars, as a PNG."""
    dark, light, orange = b"\x00\x72\xb2", b"\xff\xff\xff", b"\xd5\x5e\x00"
    rows = bytearray()
    for y in range(size):
        rows.append(0)
        for x in range(size):
            left, right = size * 0.25 <= x < size * 0.42, size * 0.58 <= x < size * 0.75
            on = (left and y >= size * 0.45) or (right and y >= size * 0.25)
            rows += (orange if right else light) if on and y < size * 0.8 else dark
    header = struct.pack(">IIBBBBB", size, size, 8, 2, 0, 0, 0)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(bytes(rows), 9))
        + chunk(b"IEND", b"")
    )


def make_certificate(folder: Path, today: dt.date) -> tuple[Path, Path]:
    """A certificate for localhost and its key in `folder`, made if absent; valid for two years.

    Excel trusts it after the user has put it among the trusted certificates of the machine.
    """
    from cryptography import x509  # noqa: PLC0415  (the extra "server" only)
    from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415

    certificate_path, key_path = folder / "localhost.crt", folder / "localhost.key"
    if certificate_path.is_file() and key_path.is_file():
        return certificate_path, key_path
    folder.mkdir(parents=True, exist_ok=True)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    start = dt.datetime(today.year, today.month, today.day, tzinfo=dt.UTC)
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + dt.timedelta(days=730))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    key_path.touch(mode=0o600)
    key_path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    certificate_path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return certificate_path, key_path


def serve(
    registry: Registry,
    *,
    port: int,
    folder: Path,
    today: dt.date,
    language: str,
    token: str,
    host: str = "localhost",
) -> None:
    """Serve until interrupted.

    Raises
    ------
    HostError
        If `host` is not this machine and no token protects the calls.
    """
    import uvicorn  # noqa: PLC0415  (the extra "server" only)

    if host not in {"localhost", "127.0.0.1", "::1"} and not token:
        raise HostError(f"{host} is not this machine: client data would be open to others; set a token")
    connect()
    certificate, key = make_certificate(folder, today)
    app = application(registry, address=f"https://{host}:{port}", language=language, token=token)
    uvicorn.run(
        app, host=host, port=port, ssl_certfile=str(certificate), ssl_keyfile=str(key), log_level="warning"
    )
