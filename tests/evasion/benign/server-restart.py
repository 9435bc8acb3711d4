"""A model server is started, reloads its model while it serves, is stopped and started again."""
# scene: group=server
import http.client
import os
import subprocess

PORT = "18077"
server_py = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "server.py")


def start():
    server = subprocess.Popen(["/usr/bin/python3", server_py, os.environ["EV_MODEL"], PORT], stdout=subprocess.PIPE, text=True)
    assert server.stdout.readline().strip() == "ready"
    return server


def ask(path):
    connection = http.client.HTTPConnection("127.0.0.1", int(PORT), timeout=30)
    connection.request("POST", path, b"{}")
    connection.getresponse().read()
    connection.close()


for _ in range(2):
    running = start()
    print(f"outside ask {PORT} 16", flush=True)
    ask("/v1/completions")
    ask("/reload")
    ask("/v1/completions")
    running.terminate()
    running.wait()
