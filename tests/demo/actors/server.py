"""Serves a model over HTTP/1.1: POST /v1/completions with a JSON prompt."""

import http.server
import json
import sys
import zlib

import torch


class Completions(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # keep-alive
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body in one segment
    weights = None

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        try:
            prompt = json.loads(body)["prompt"]
        except (ValueError, KeyError, TypeError):
            self.send_error(400)
            return
        row = self.weights[zlib.crc32(prompt.encode()) % len(self.weights)]
        answer = json.dumps({"text": " ".join(f"{value:.4f}" for value in row[:8].tolist())}).encode()
        self.send_response_only(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)
        self.wfile.flush()

    def log_message(self, *unused):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64


def main(path, port):
    state = torch.load(path)
    Completions.weights = state["0.weight"]
    server = Server(("127.0.0.1", port), Completions)
    print(f"serving {path}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
