"""The worker as its server sees it: a process that takes and gives messages, one JSON object a line.

It is a fresh interpreter (`python -m core.jobs.worker`), not a multiprocessing child: a spawned child would run the
dashboard's main script again.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import core


class WorkerProcess:
    """A worker at work."""

    def __init__(self, engine_module: str) -> None:
        root = str(Path(core.__file__ or "").parent.parent)
        path = os.pathsep.join(part for part in (root, os.environ.get("PYTHONPATH", "")) if part)
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "core.jobs.worker",
                *(["--engine", engine_module] if engine_module else []),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env={**os.environ, "PYTHONPATH": path, "HF_HUB_DISABLE_PROGRESS_BARS": "1"},
            # Ctrl-C in the server's terminal ends the server alone; the worker ends when its input does
            start_new_session=os.name == "posix",
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )

    def send(self, message: Mapping[str, Any]) -> None:
        """Send a message; one to a worker that has ended is lost, and its end is seen by who reads its messages."""
        assert self._process.stdin is not None
        with suppress(OSError, ValueError):
            self._process.stdin.write(json.dumps(message, default=str) + "\n")
            self._process.stdin.flush()

    def messages(self) -> Iterator[dict[str, Any]]:
        """What the worker says, until it ends."""
        assert self._process.stdout is not None
        return (json.loads(line) for line in self._process.stdout)

    def wait(self) -> int:
        """The exit code, when it has ended."""
        return self._process.wait()

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()

    def end(self) -> None:
        """End it and wait until it is gone."""
        self.kill()
        self.wait()
