"""Encrypted ends before plain servers, with certificates of our own: the embedded servers are built without TLS."""

import asyncio
import ssl
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

SSL_REQUEST_BYTES = 8


class Certificates(NamedTuple):
    """PEM files: an authority of nobody's trust, and what it certifies a server of this machine with."""

    authority: Path
    certificate: Path
    key: Path

    def server_context(self) -> ssl.SSLContext:
        """Return the context of a server that shows the certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        return context


def make_certificates(directory: Path, *names: str) -> Certificates:
    """Make an authority and a certificate for host names and addresses."""
    directory.mkdir(parents=True, exist_ok=True)
    made = Certificates(directory / "authority.pem", directory / "server.crt", directory / "server.key")
    authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority = _certificate("Orderflow's tests", authority_key, "Orderflow's tests", authority_key, ())
    certificate = _certificate("a server", key, "Orderflow's tests", authority_key, names)
    made.authority.write_bytes(authority.public_bytes(serialization.Encoding.PEM))
    made.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    made.key.touch(mode=0o600)
    made.key.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return made


def _certificate(
    subject: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: str,
    issuer_key: ec.EllipticCurvePrivateKey,
    names: tuple[str, ...],
) -> x509.Certificate:
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, subject)]))
        .issuer_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=not names, path_length=None), critical=True)
        # From Python 3.13 on a chain without these is refused.
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
        .add_extension(_usage(authority=not names), critical=True)
    )
    if names:
        alternatives = x509.SubjectAlternativeName([_general_name(name) for name in names])
        builder = builder.add_extension(alternatives, critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


def _usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(name: str) -> x509.GeneralName:
    with suppress(ValueError):
        return x509.IPAddress(ip_address(name))
    return x509.DNSName(name)


@contextmanager
def encrypted_end(upstream: tuple[str, int], certificates: Certificates, *, postgres: bool = False) -> Iterator[int]:
    """Lend the port of an encrypted end of the plain server at `upstream`.

    Postgres' clients first ask in plain whether they may encrypt, which is answered with yes.
    """
    end = _EncryptedEnd(upstream, certificates.server_context(), postgres)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield asyncio.run_coroutine_threadsafe(end.open(), loop).result(10)
    finally:
        asyncio.run_coroutine_threadsafe(end.close(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


class _EncryptedEnd:
    def __init__(self, upstream: tuple[str, int], context: ssl.SSLContext, postgres: bool) -> None:
        self._upstream = upstream
        self._context = context
        self._postgres = postgres
        self._server: asyncio.Server | None = None

    async def open(self) -> int:
        context = None if self._postgres else self._context
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", ssl=context)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            async with _closing(writer):
                if self._postgres:
                    await reader.readexactly(SSL_REQUEST_BYTES)
                    writer.write(b"S")
                    await writer.drain()
                    await writer.start_tls(self._context)
                plain_reader, plain_writer = await asyncio.open_connection(*self._upstream)
                async with _closing(plain_writer):
                    copies = [_copy(reader, plain_writer), _copy(plain_reader, writer)]
                    # Whichever side ends, the other has nobody to talk to any more.
                    await asyncio.wait(map(asyncio.create_task, copies), return_when=asyncio.FIRST_COMPLETED)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()


@asynccontextmanager
async def _closing(writer: asyncio.StreamWriter) -> AsyncIterator[None]:
    try:
        yield
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
