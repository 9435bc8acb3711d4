"""The agent under demonstration: its small config, and itself started on the stage."""

import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from support import agent_process  # noqa: E402

CONFIG = """\
state_dir: {work}/state
assets:
  - {{name: demo-model, class: model, paths: ["{work}/models/model*.pt"]}}
  - {{name: demo-checkpoints, class: checkpoint, paths: ["{work}/models/checkpoint*.pt"]}}
workloads:
  - {{name: trainer, role: training, confirm: {{cgroup: /{group}/trainer}}}}
  - {{name: server, role: inference, confirm: {{cgroup: /{group}/server}}}}
  - {{name: backup, role: registry, confirm: {{cgroup: /{group}/backup}}}}
outputs:
  - {{type: file, format: json, path: {work}/alerts.json}}
"""


class DemoAgent(agent_process.Agent):
    """Records a capture beside the alerts, so that it can be replayed."""

    def __init__(self, stage, group, capture):
        self.file = stage.path("alerts.json")
        self._capture = capture
        self._config = stage.path("tensorwarden.yaml")
        with open(self._config, "w", encoding="utf-8") as file:
            file.write(CONFIG.format(work=stage.work, group=group))
        super().__init__(stage.start("agent", *agent_process.run_command(self._config, "--record", capture),
                                     stdout=subprocess.PIPE, stderr=subprocess.PIPE))

    def finish(self):
        if self.stop() != 0:
            raise RuntimeError(f"the agent ended with {self.process.returncode}: " + self.last_errors())

    def replay(self):
        return agent_process.replay(self._capture, self._config)
