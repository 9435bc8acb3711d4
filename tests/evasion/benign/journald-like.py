"""A log daemon takes the server's lines on its datagram socket, keeps them in a file and forwards them to the log host."""
# scene: server log=@WORK/log.sock
import os
import socket

work = os.environ["EV_WORK"]
log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
log.bind(os.path.join(work, "log.sock"))
print(f"outside ask {os.environ['EV_SERVER_PORT']} 400", flush=True)
with socket.create_connection((os.environ["EV_HOST"], int(os.environ["EV_PORT"]))) as away, \
        open(os.path.join(work, "journal"), "wb") as journal:
    for _ in range(400):
        line = log.recv(4096)
        journal.write(line + b"\n")
        away.sendall(line + b"\n")
