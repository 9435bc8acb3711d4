"""A terminal multiplexer: its shell edits the model card beside the weights, and its screen goes to a person far away."""
import os
import pty
import socket

models = os.environ["EV_MODELS"]
pid, master = pty.fork()
if pid == 0:
    os.execl("/bin/sh", "sh")
with socket.create_connection((os.environ["EV_HOST"], int(os.environ["EV_PORT"]))) as screen:
    for line in (f"cd {models}", "echo '# Model card' >README.md", "ls -l", "sed -i 's/card/card, second edition/' README.md",
                 "cat README.md", "exit"):
        os.write(master, line.encode() + b"\n")
    while True:
        try:
            data = os.read(master, 4096)
        except OSError:
            break
        if not data:
            break
        screen.sendall(data)
os.waitpid(pid, 0)
