"""A locate database: walks the tree, reads the first 4 KiB of each file to know its kind."""
import os

with open(os.path.join(os.environ["EV_WORK"], "database"), "w", encoding="utf-8") as database:
    for top in (os.environ["EV_MODELS"], "/etc"):
        for folder, _, names in os.walk(top):
            for name in names:
                path = os.path.join(folder, name)
                if os.path.isfile(path):
                    with open(path, "rb") as file:
                        database.write(f"{path} {file.read(4096)[:8].hex()}\n")
