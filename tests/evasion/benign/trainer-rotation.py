"""A training job saves checkpoints, the newest under a fixed name, and keeps two."""
# scene: group=trainer
import os

folder = os.environ["EV_MODELS"]
for step in range(5):
    part = os.path.join(folder, "checkpoint.part")
    with open(part, "wb") as file:
        header = b'{"w":{"dtype":"U8","shape":[4194304],"data_offsets":[0,4194304]}}'
        file.write(len(header).to_bytes(8, "little") + header + os.urandom(4 << 20))
        os.fsync(file.fileno())
    os.replace(part, os.path.join(folder, f"checkpoint-{step}.safetensors"))
    os.link(os.path.join(folder, f"checkpoint-{step}.safetensors"), part)
    os.replace(part, os.path.join(folder, "latest.safetensors"))
    if step >= 2:
        os.unlink(os.path.join(folder, f"checkpoint-{step - 2}.safetensors"))
