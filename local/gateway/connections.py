"""The WebSocket connections that clients hold open here, each with its own way out."""

import asyncio
import base64
import secrets
from datetime import UTC, datetime

from starlette.websockets import WebSocket, WebSocketDisconnect

MAX_WAITING_FRAMES = 1_000
"""A client that lets this many frames wait is not reading; it is cut off rather than slow the others down."""

GOING_AWAY, POLICY_VIOLATION, NORMAL = 1001, 1008, 1000


class Connection:
    """One client's WebSocket. Frames are queued and written by a task of their own."""

    def __init__(self, websocket: WebSocket) -> None:
        # Shaped like API Gateway's ids, `=` included, so that whoever forgets to quote it notices here.
        self.id = base64.urlsafe_b64encode(secrets.token_bytes(11)).decode()
        self.connected_at = datetime.now(UTC)
        self.last_active_at = self.connected_at
        self.source_ip = websocket.client.host if websocket.client else ""
        self.user_agent = websocket.headers.get("user-agent", "")
        self._websocket = websocket
        self._frames: asyncio.Queue[str | None] = asyncio.Queue()
        self._close_code = NORMAL
        self.open = True

    def send(self, text: str) -> None:
        """Queue a frame; cut the connection off when too many wait."""
        if self._frames.qsize() >= MAX_WAITING_FRAMES:
            self.close(POLICY_VIOLATION)
        if self.open:
            self._frames.put_nowait(text)

    def close(self, code: int = NORMAL) -> None:
        """Close the connection once the frames before this have been written."""
        if self.open:
            self.open = False
            self._close_code = code
            self._frames.put_nowait(None)

    def touch(self) -> None:
        """Note that the client was heard."""
        self.last_active_at = datetime.now(UTC)

    async def write(self) -> None:
        """Write queued frames until the connection is closed from either side."""
        try:
            while (text := await self._frames.get()) is not None:
                await self._websocket.send({"type": "websocket.send", "text": text})
            await self._websocket.close(self._close_code)
        except (WebSocketDisconnect, RuntimeError, OSError):
            # The client is gone; whoever reads from it learns so and ends the connection.
            self.open = False


class Connections:
    """The open connections by id."""

    def __init__(self) -> None:
        self._open: dict[str, Connection] = {}

    def add(self, connection: Connection) -> None:
        """Make a connection known."""
        self._open[connection.id] = connection

    def remove(self, connection: Connection) -> None:
        """Forget a connection."""
        connection.open = False
        self._open.pop(connection.id, None)

    def find(self, connection_id: str) -> Connection | None:
        """Return an open connection, or None when it is gone."""
        connection = self._open.get(connection_id)
        return connection if connection is not None and connection.open else None

    def __len__(self) -> int:
        return len(self._open)
