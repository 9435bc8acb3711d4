"""The host that stolen bytes go to: takes uploads, and prints a JSON object for each 128 KiB that have come."""

import http.server
import json
import sys
import time

STEP_BYTES = 128 << 10


class Upload(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_PUT(self):
        self.received = self.reported = 0
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            self.read_chunks()
        else:
            self.read_bytes(int(self.headers.get("Content-Length", 0)))
        self.report("end")
        self.send_response(201)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def read_chunks(self):
        while (size := int(self.rfile.readline().split(b";")[0], 16)) > 0:
            self.read_bytes(size)
            self.rfile.readline()
        self.rfile.readline()

    def read_bytes(self, left):
        while left > 0:
            piece = self.rfile.read1(min(left, STEP_BYTES))
            if not piece:
                raise ConnectionError("the upload stopped early")
            left -= len(piece)
            self.received += len(piece)
            if self.received >= self.reported + STEP_BYTES:
                self.report("bytes")

    def report(self, what):
        self.reported = self.received
        print(json.dumps({"what": what, "path": self.path, "bytes": self.received, "time": time.time()}), flush=True)

    def log_message(self, *unused):
        pass


if __name__ == "__main__":
    server = http.server.ThreadingHTTPServer((sys.argv[1], int(sys.argv[2])), Upload)
    print(json.dumps({"what": "listening"}), flush=True)
    server.serve_forever()
