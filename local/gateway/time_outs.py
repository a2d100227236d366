"""How long the gateway waits for a client, in seconds; a client that takes longer is refused or its connection aborted.

uvicorn leaves that to a proxy in front of it.
"""

REQUEST_S = 20.0
"""For a request's head, from connecting or its first byte to its last."""
BODY_S = 5.0
"""For the body that belongs to it."""
HANDSHAKE_S = 10.0
"""From a WebSocket's handshake to its answer."""
WRITE_S = 20.0
"""While a client reads so little that the write buffer (64 KiB) stays full."""
CLOSE_S = 10.0
"""For a WebSocket that is being closed to take the rest of what is written to it."""
REFUSAL_S = 2.0
"""While a client that was refused goes on sending and has not read the refusal."""
PING_INTERVAL_S, PING_TIMEOUT_S = 20.0, 20.0
"""A peer that vanished, its network too, is noticed after the two together at the latest. Its connection is aborted
CLOSE_S later if there is still something to write."""
