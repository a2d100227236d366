"""Exits with 0 when this container's GET /health answers 200, else with 1: `python -IS healthy.py PORT`.

It runs in every container every few seconds, so it imports next to nothing.
"""

import socket
import sys

TIMEOUT_S = 3


def main(port: int) -> int:
    """Ask once and return the exit status."""
    try:
        with socket.create_connection(("127.0.0.1", port), TIMEOUT_S) as connection:
            connection.sendall(b"GET /health HTTP/1.0\r\nHost: localhost\r\n\r\n")
            # To its end, or the server would find its client gone and log that.
            with connection.makefile("rb") as answer:
                status = answer.read().partition(b"\r\n")[0].decode(errors="replace")
    except OSError as error:
        print(error)
        return 1
    print(status)
    return int(status.split(" ")[1:2] != ["200"])


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
