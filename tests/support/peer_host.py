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
        while data := conn.recv(1 << 20):
            total += len(data)
    except OSError:
        pass
    print(total, flush=True)
    conn.close()
server = socket.create_server((sys.argv[1], int(sys.argv[2])))
print("listening", flush=True)
while True:
    threading.Thread(target=take, args=(server.accept()[0],), daemon=True).start()
"""


def make_host(name, link, near, far):
    """A network namespace at the end of a veth pair: this host is `near` on device `link`, the other one is `far`."""
    for command in (f"ip netns add {name}",
                    f"ip link add {link} type veth peer name eth0 netns {name}",
                    f"ip addr add {near}/24 dev {link}",
                    f"ip link set {link} up",
                    f"ip -n {name} addr add {far}/24 dev eth0",
                    f"ip -n {name} link set eth0 up",
                    f"ip -n {name} link set lo up"):
        subprocess.run(command.split(), check=True)


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
        make_host(self.name, self._link, self._subnet + ".1", self.address)
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
