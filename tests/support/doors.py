"""Gateways in processes of their own, as `make run` starts them, and POSTs to them all at once."""

import asyncio
import json
import os
import socket
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp

from tests.support.ports import free_port
from tests.support.programs import Program
from tests.support.waiting import eventually

PARTITIONS = 2


class Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]
    document: Any


class Door:
    """A gateway process of its own."""

    def __init__(self, redis_url: str, log: Path, settings: Mapping[str, str]) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._log = log
        environment = {"REDIS_URL": redis_url, "PORT": str(self.port), "PARTITIONS": str(PARTITIONS), **settings}
        environment = {**os.environ, **environment, "LOG_FORMAT": "json"}
        self._program = Program([sys.executable, "-m", "local.gateway"], environment, log)
        self.process = self._program.start()
        eventually(self._answers)

    def _answers(self) -> bool:
        assert self.process.poll() is None, self._log.read_text()
        try:
            socket.create_connection(("127.0.0.1", self.port)).close()
        except OSError:
            return False
        return True

    def post(
        self, requests: Sequence[tuple[Mapping[str, str], Mapping[str, Any]]], path: str = "/api/orders/execute"
    ) -> list[Answer]:
        """Post orders, or batches at their `path`, each with its headers and fields, all at once."""

        async def one(session: aiohttp.ClientSession, headers: Mapping[str, str], body: Mapping[str, Any]) -> Answer:
            async with session.post(f"{self.url}{path}", json=body, headers=headers) as answer:
                return Answer(answer.status, dict(answer.headers), json.loads(await answer.text()))

        async def all_at_once() -> list[Answer]:
            async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
                return await asyncio.gather(*(one(session, *request) for request in requests))

        return asyncio.run(all_at_once())

    def logged(self) -> list[dict[str, Any]]:
        """Return the lines that it has logged."""
        return [json.loads(line) for line in self._log.read_text().splitlines() if line.startswith("{")]

    def stop(self) -> None:
        self._program.stop(timeout_s=20)
