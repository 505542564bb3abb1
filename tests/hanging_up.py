"""A server that takes connections and hangs up at once, and counts them: how often does a client try?"""

import socketserver
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread


class HangingUp(socketserver.ThreadingTCPServer):
    """Answers nothing.

    Attributes:
        calls: Connections so far.
        uri: Its address.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), socketserver.BaseRequestHandler)
        self.calls = 0
        self.uri = f"http://127.0.0.1:{self.server_address[1]}"

    def process_request(self, request: object, client_address: object) -> None:
        self.calls += 1
        self.shutdown_request(request)  # type: ignore[arg-type]  # a socket


@contextmanager
def hanging_up() -> Iterator[HangingUp]:
    """Such a server, until the end of the block."""
    with HangingUp() as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()
