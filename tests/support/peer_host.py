"""A second host: a network namespace at the end of a veth pair, with a TCP sink that counts what it gets."""

import os
import subprocess
import sys

_SINK = """
import socket, sys, threading
def take(conn):
    total = 0
    conn.settimeout(60)
    try:
        head = b""
        while data := conn.recv(1 << 20):
            total += len(data)
            if len(head) < 65536:
                head += data[:65536]
                if b"Expect: 100-continue" in head:
                    conn.sendall(b"HTTP/1.1 100 Continue\\r\\n\\r\\n"); head = b"x" * 65536
    except OSError:
        pass
    print(total, flush=True)
    conn.close()
server = socket.create_server((sys.argv[1], int(sys.argv[2])))
print("listening", flush=True)
while True:
    threading.Thread(target=take, args=(server.accept()[0],), daemon=True).start()
"""


class PeerHost:
    """`address:port` takes connections; `received()` waits for the next one to end and tells its bytes."""

    def __init__(self, name, subnet="10.78.0", port=9000):
        self.name = name
        self.address = subnet + ".2"
        self.port = port
        self._sink = None
        self._link = "tw" + str(os.getpid() % 100000)
        self._subnet = subnet

    def __enter__(self):
        for command in (
                f"ip netns add {self.name}",
                f"ip link add {self._link} type veth peer name eth0 netns {self.name}",
                f"ip addr add {self._subnet}.1/24 dev {self._link}",
                f"ip link set {self._link} up",
                f"ip -n {self.name} addr add {self.address}/24 dev eth0",
                f"ip -n {self.name} link set eth0 up",
                f"ip -n {self.name} link set lo up"):
            subprocess.run(command.split(), check=True)
        self._sink = subprocess.Popen(
            ["ip", "netns", "exec", self.name, sys.executable, "-c", _SINK, self.address, str(self.port)],
            stdout=subprocess.PIPE, text=True)
        assert self._sink.stdout.readline().strip() == "listening"
        return self

    def received(self):
        return int(self._sink.stdout.readline())

    def __exit__(self, *unused):
        if self._sink:
            self._sink.kill()
            self._sink.wait()
            self._sink.stdout.close()
        subprocess.run(["ip", "netns", "del", self.name], check=False)
