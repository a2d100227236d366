"""The WebSocket connections that clients hold open here, each with a queue of frames to write."""

import asyncio
import base64
import secrets
from datetime import UTC, datetime
from functools import reduce

from starlette.websockets import WebSocket, WebSocketDisconnect

from orderflow.runtime.access import OPEN_CONTEXT
from orderflow.runtime.logging import get_logger

MAX_WAITING_FRAMES = 1_000
MAX_WAITING_CHARACTERS = 8 * 1024 * 1024
"""A client with this much waiting does not read; it is cut off, or it would fill the memory."""

MAX_WAITING_IN_ALL = 256 * 1024 * 1024
FAIR_SHARE = 64 * 1024
"""When MAX_WAITING_IN_ALL characters wait for all clients together, clients with more than this share are cut off."""

NORMAL, POLICY_VIOLATION = 1000, 1008


class Backlog:
    """The characters that wait to be written to all clients together."""

    def __init__(self) -> None:
        self.characters = 0


class Connection:
    """One client's WebSocket. Frames are queued and written by a task of their own."""

    def __init__(self, websocket: WebSocket, backlog: Backlog | None = None) -> None:
        # Shaped like API Gateway's ids, `=` included, so that code that forgets to quote it fails here too.
        self.id = base64.urlsafe_b64encode(secrets.token_bytes(11)).decode()
        self.connected_at = datetime.now(UTC)
        self.last_active_at = self.connected_at
        self.source_ip = websocket.client.host if websocket.client else ""
        self.user_agent = websocket.headers.get("user-agent", "")
        self.context = OPEN_CONTEXT
        """What an authorizer has said of its client."""
        self._websocket = websocket
        self._frames: asyncio.Queue[str | None] = asyncio.Queue()
        self._waiting = 0
        self._backlog = backlog or Backlog()
        self._close_code = NORMAL
        self.open = True
        self.frames_in = self.frames_out = 0

    def send(self, text: str) -> None:
        """Queue a frame; cut the connection off when too many wait."""
        if not self.open:
            return
        if self._is_too_slow_for(len(text)):
            self._cut_off()
        else:
            self._count(len(text))
            self._frames.put_nowait(text)

    def close(self, code: int = NORMAL) -> None:
        """Close the connection once the frames before this have been written."""
        if self.open:
            self.open = False
            self._close_code = code
            self._frames.put_nowait(None)

    def touch(self) -> None:
        """Note that the client sent a frame."""
        self.last_active_at = datetime.now(UTC)
        self.frames_in += 1

    async def write(self) -> None:
        """Write queued frames until the connection is closed from either side."""
        try:
            while (text := await self._frames.get()) is not None:
                self._count(-len(text))
                await self._websocket.send({"type": "websocket.send", "text": text})
                self.frames_out += 1
            await self._websocket.close(self._close_code)
        except (WebSocketDisconnect, RuntimeError, OSError):
            # The client is gone; the task that reads from it notices that too and ends the connection.
            self.open = False

    def drop_frames(self) -> None:
        """Drop the frames that have not been written."""
        while not self._frames.empty():
            self._frames.get_nowait()
        self._count(-self._waiting)

    def _is_too_slow_for(self, characters: int) -> bool:
        waiting = self._waiting + characters
        return (
            self._frames.qsize() >= MAX_WAITING_FRAMES
            or waiting > MAX_WAITING_CHARACTERS
            or (waiting > FAIR_SHARE and self._backlog.characters + characters > MAX_WAITING_IN_ALL)
        )

    def _count(self, characters: int) -> None:
        self._waiting += characters
        self._backlog.characters += characters

    def _cut_off(self) -> None:
        """Close the connection without the frames that wait; a client that comes back gets them all again."""
        get_logger("gateway").warning(
            "cut off", extra={"connection_id": self.id, "frames": self._frames.qsize(), "address": self.source_ip}
        )
        self.drop_frames()
        self.close(POLICY_VIOLATION)


class Connections:
    """The open connections by id."""

    def __init__(self) -> None:
        self._open: dict[str, Connection] = {}
        self._frames_of_closed = (0, 0)

    def add(self, connection: Connection) -> None:
        """Add an open connection."""
        self._open[connection.id] = connection

    def remove(self, connection: Connection) -> None:
        """Forget a connection."""
        connection.open = False
        connection.drop_frames()
        if self._open.pop(connection.id, None) is not None:
            self._frames_of_closed = self._with(self._frames_of_closed, connection)

    def find(self, connection_id: str) -> Connection | None:
        """Return an open connection, or None when it is gone."""
        connection = self._open.get(connection_id)
        return connection if connection is not None and connection.open else None

    def frames(self) -> tuple[int, int]:
        """Return how many frames came in from clients and went out to them, those of former connections too."""
        return reduce(self._with, self._open.values(), self._frames_of_closed)

    def __len__(self) -> int:
        return len(self._open)

    @staticmethod
    def _with(frames: tuple[int, int], connection: Connection) -> tuple[int, int]:
        return frames[0] + connection.frames_in, frames[1] + connection.frames_out
