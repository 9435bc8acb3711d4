"""An editor saves the model card: a new file, synced, renamed over the old one, with a backup and its mode and times kept."""
import os
import shutil

readme = os.path.join(os.environ["EV_MODELS"], "README.md")
with open(readme, "w", encoding="utf-8") as file:
    file.write("# Model\n")
for edition in range(3):
    shutil.copy2(readme, readme + "~")
    with open(readme + ".swp", "w", encoding="utf-8") as file:
        file.write(f"# Model, edition {edition}\n")
        os.fsync(file.fileno())
    shutil.copystat(readme, readme + ".swp")
    os.replace(readme + ".swp", readme)
