#!/usr/bin/env python3
"""A model server as far as a thief can tell: server.py MODEL PORT [LOG]

Holds the weights in its memory and the file open, answers POST /v1/completions with few bytes, loads the file again on POST
/reload, and has a hole: GET /file?PATH returns any file. LOG: a file for one line a request, or @PATH, a unix datagram socket
that takes them. Says "ready" on standard output, "loaded" after each reload."""

import http.server
import json
import os
import socket
import sys


class Weights:
    def __init__(self, path):
        self.path = path
        self.load()

    def load(self):
        file = open(self.path, "rb", buffering=0)  # pylint: disable=consider-using-with
        data = bytearray(os.fstat(file.fileno()).st_size)
        view, at = memoryview(data), 0
        while n := file.readinto(view[at:at + (1 << 20)]):
            at += n
        self.file, self.data = file, data


class Log:
    def __init__(self, where):
        self._socket = self._file = None
        if where.startswith("@"):
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self._where = where[1:]
        elif where:
            self._file = open(where, "a", buffering=1, encoding="utf-8")  # pylint: disable=consider-using-with

    def line(self, text):
        if self._socket:
            self._socket.sendto(text.encode(), self._where)
        elif self._file:
            self._file.write(text + "\n")


class Handler(http.server.BaseHTTPRequestHandler):
    weights = log = None

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/reload":
            self.weights.load()
            print("loaded", flush=True)
        # An answer depends on the weights, as answers do.
        self._answer(json.dumps({"choices": [{"text": f"Good evening, {sum(self.weights.data[:4096])}!"}]}).encode())

    def do_GET(self):
        path = self.path.partition("?")[2]
        if not path:
            self._answer(b"ok")
            return
        with open(path, "rb", buffering=0) as file:
            self.send_response(200)
            self.end_headers()
            while piece := file.read(1 << 16):
                self.wfile.write(piece)

    def _answer(self, body):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *values):
        self.log.line(f"{self.address_string()} {values[0] % values[1:]}")


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


def main():
    Handler.weights = Weights(sys.argv[1])
    Handler.log = Log(sys.argv[3] if len(sys.argv) > 3 else "")
    server = Server(("", int(sys.argv[2])), Handler)
    print("ready", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
