#!/usr/bin/env python3
"""The host outside: takes all that comes, however it comes, and tells how much it was and when.

Runs in a network namespace of its own: outside.py ADDRESS PORT NEAR, NEAR being the address of the host that is watched. One
command a line on standard input, one answer a line on standard output:

  reset NEEDLES       forget what came; NEEDLES, in hexadecimal and joined by commas, are looked for from now on
  settle              answers when no connection is open and no pull under way
  total               bytes that came
  by TIME             bytes that had come by then (seconds since 1970)
  reached BYTES       the time at which that many had come, or "never"
  found               how many needles came
  pull PORT LINE      connects to NEAR:PORT, sends LINE, takes what comes
  fetch PORT TARGET   one HTTP request, takes what comes
  ask PORT COUNT      COUNT HTTP requests from 8 clients at once; answers when all are answered
"""

import bisect
import http.client
import http.server
import socket
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

RAW_PROTOCOL, ETHERTYPE = 253, 0x88B5
UDP_PORTS = (53, 9001)
HTTP_PORT = 8080  # gives /BYTES bytes, and takes uploads without counting them


class Haul:
    """What came since the last reset."""

    def __init__(self):
        self._lock = threading.Condition()
        self._open = 0
        self.reset([])

    def reset(self, needles):
        with self._lock:
            self._needles = needles
            self._streams = []
            self._times, self._totals = [], []

    def stream(self):
        """A list to which one connection, or all datagrams of one socket, add their pieces."""
        with self._lock:
            self._streams.append([])
            return self._streams[-1]

    def take(self, stream, piece):
        with self._lock:
            stream.append(piece)
            self._times.append(time.time())
            self._totals.append(self.total() + len(piece))

    def total(self):
        return self._totals[-1] if self._totals else 0

    def by(self, moment):
        at = bisect.bisect_right(self._times, moment)
        return self._totals[at - 1] if at else 0

    def reached(self, size):
        at = bisect.bisect_left(self._totals, size)
        return self._times[at] if at < len(self._times) else None

    def found(self):
        with self._lock:
            data = b"\0".join(b"".join(stream) for stream in self._streams)
        return sum(needle in data for needle in self._needles)

    def opened(self, change):
        with self._lock:
            self._open += change
            self._lock.notify_all()

    def settle(self):
        with self._lock:
            return self._lock.wait_for(lambda: self._open == 0, 30)


HAUL = Haul()


def drain(connection):
    """Counts what comes until the other side has no more."""
    stream = HAUL.stream()
    try:
        with connection:
            while piece := connection.recv(1 << 20):
                HAUL.take(stream, piece)
    except OSError:
        pass
    HAUL.opened(-1)


def accept(port):
    listener = socket.create_server(("", port), backlog=64)
    while True:
        connection = listener.accept()[0]
        HAUL.opened(1)
        threading.Thread(target=drain, args=(connection,), daemon=True).start()


def take_packets(taker, skip):
    """Datagrams of one socket; their first `skip` bytes are not the thief's."""
    taker.setsockopt(socket.SOL_SOCKET, 33, 128 << 20)  # SO_RCVBUFFORCE: what is dropped here would not count
    while True:
        piece = taker.recv(1 << 16)
        HAUL.take(HAUL.stream(), piece[skip:])


def packet_sockets():
    for port in UDP_PORTS:
        taker = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        taker.bind(("", port))
        yield taker, 0
    yield socket.socket(socket.AF_INET, socket.SOCK_RAW, RAW_PROTOCOL), 20  # the IP header
    yield socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETHERTYPE)), 0


class Web(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        size = int(self.path.strip("/") or 0)
        self.send_response(200)
        self.send_header("Content-Length", str(size))
        self.end_headers()
        piece = bytes(range(256)) * 256
        for at in range(0, size, len(piece)):
            self.wfile.write(piece[:size - at])

    def do_POST(self):
        left = int(self.headers.get("Content-Length", 0))
        while left > 0 and (piece := self.rfile.read(min(left, 1 << 20))):
            left -= len(piece)
        self.send_response(204)
        self.end_headers()

    do_PUT = do_POST

    def log_message(self, *unused):
        pass


def pull(near, port, request):
    connection = socket.create_connection((near, int(port)), 20)
    connection.settimeout(None)
    HAUL.opened(1)
    connection.sendall(request)
    threading.Thread(target=drain, args=(connection,), daemon=True).start()


def ask(near, port, count):
    def client(number):
        for _ in range(number, count, 8):
            connection = http.client.HTTPConnection(near, int(port), timeout=20)
            try:
                connection.request("POST", "/v1/completions", b'{"prompt": "Good morning!"}',
                                   {"Authorization": f"Bearer client-{number}"})
                connection.getresponse().read()
            except (OSError, http.client.HTTPException):
                pass  # a server that is being restarted
            connection.close()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(client, range(8)))


def answer(near, command, rest):
    if command == "reset":
        HAUL.reset([bytes.fromhex(needle) for needle in rest.split(",") if needle])
    elif command == "settle":
        return "ok" if HAUL.settle() else "still busy"
    elif command == "total":
        return HAUL.total()
    elif command == "by":
        return HAUL.by(float(rest))
    elif command == "reached":
        return HAUL.reached(int(rest)) or "never"
    elif command == "found":
        return HAUL.found()
    elif command == "pull":
        port, line = rest.split(" ", 1)
        pull(near, port, line.encode() + b"\n")
    elif command == "fetch":
        port, target = rest.split(" ", 1)
        pull(near, port, f"GET {target} HTTP/1.1\r\nHost: {near}\r\nConnection: close\r\n\r\n".encode())
    elif command == "ask":
        port, count = rest.split()
        ask(near, port, int(count))
    return "ok"


def main():
    address, port, near = sys.argv[1:]
    for taker, skip in packet_sockets():
        threading.Thread(target=take_packets, args=(taker, skip), daemon=True).start()
    threading.Thread(target=accept, args=(int(port),), daemon=True).start()
    web = http.server.ThreadingHTTPServer((address, HTTP_PORT), Web)
    threading.Thread(target=web.serve_forever, daemon=True).start()
    print("listening", flush=True)
    for line in sys.stdin:
        command, _, rest = line.strip().partition(" ")
        try:
            print(answer(near, command, rest), flush=True)
        except (OSError, ValueError) as error:
            print(f"error: {error}", flush=True)


if __name__ == "__main__":
    main()
