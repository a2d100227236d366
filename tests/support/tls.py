"""Encrypted ends before plain servers, with certificates of our own: the embedded servers are built without TLS."""

import asyncio
import ssl
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import trustme

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
    authority = trustme.CA()
    issued = authority.issue_cert(*names)
    authority.cert_pem.write_to_path(made.authority)
    issued.cert_chain_pems[0].write_to_path(made.certificate)
    made.key.touch(mode=0o600)
    issued.private_key_pem.write_to_path(made.key)
    return made


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
