"""What a process prints, read while it runs."""

from __future__ import annotations

import subprocess
import threading


class Output:
    """All that *process* has printed so far."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._lines: list[str] = []
        self._process = process
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def __str__(self) -> str:
        return "".join(self._lines)

    def has(self, text: str) -> bool:
        """Whether a line has *text*."""
        return any(text in line for line in self._lines)

    def has_ended(self) -> bool:
        """Whether nothing more will come."""
        return not self._thread.is_alive()

    def wait(self, timeout_seconds: float) -> int:
        """Read to the end; the process's exit code."""
        self._thread.join(timeout_seconds)
        return self._process.wait(timeout_seconds)

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.append(line)
