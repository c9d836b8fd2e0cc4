"""Runs the steps of a composite GitHub Action as a runner does: expressions filled in, then bash on what is written."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import yaml

_EXPRESSION = re.compile(r"\$\{\{\s*([\w.-]+)\s*\}\}")


class Action:
    """An action in a file. Only what a composite action of shell steps needs is known here."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.described: dict[str, Any] = yaml.safe_load(file.read_text())

    def run(
        self, workspace: Path, temp: Path, environment: dict[str, str], **inputs: str
    ) -> tuple[subprocess.CompletedProcess[str], dict[str, str], str]:
        """Run the steps until one fails; returns the last one, the outputs, and the step summary."""
        temp.mkdir(exist_ok=True)
        context = {"github.action_path": str(self.file.parent), "runner.temp": str(temp)}
        known = self.described["inputs"]
        given = {name.replace("_", "-"): value for name, value in inputs.items()}
        assert set(given) <= set(known), "an input that the action does not have"
        for name, about in known.items():
            assert name in given or not about.get("required"), f"{name} is required"
            context[f"inputs.{name}"] = given.get(name, about.get("default", ""))
        files = {name: temp / name.lower() for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
        for file in files.values():
            file.write_text("")
        done: subprocess.CompletedProcess[str] | None = None
        for step in self.described["runs"]["steps"]:
            assert step["shell"] == "bash"
            env = {name: self._filled(value, context) for name, value in step.get("env", {}).items()}
            script = temp / "step.sh"
            script.write_text(self._filled(step["run"], context))
            done = subprocess.run(
                ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)],
                cwd=workspace,
                env={**environment, **{name: str(file) for name, file in files.items()}, **env},
                capture_output=True,
                text=True,
                stdin=subprocess.DEVNULL,
            )
            if done.returncode:
                break
        assert done is not None
        outputs = dict(line.split("=", 1) for line in files["GITHUB_OUTPUT"].read_text().splitlines())
        return done, outputs, files["GITHUB_STEP_SUMMARY"].read_text()

    @staticmethod
    def _filled(text: str, context: dict[str, str]) -> str:
        return _EXPRESSION.sub(lambda found: context[found[1]], text)


def runner_environment(bin: Path, event: str, **more: str) -> dict[str, str]:
    """What a runner's processes see of the machine, and of why they run."""
    kept = {name: os.environ[name] for name in ("HOME", "LANG", "DOCKER_HOST") if name in os.environ}
    return {**kept, "PATH": f"{bin}:{os.environ['PATH']}", "CI": "true", "GITHUB_EVENT_NAME": event, **more}
