"""One command under the supervisor: start it, follow its log, stop it, learn how it ended."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from image_builder.building import supervisor
from image_builder.building.progress import readable

_MOST_BYTES_AT_ONCE = 1 << 20


class Supervised:
    """A running command; leave it with close(), which also ends it."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        folder: Path,
        environment: Mapping[str, str],
        log: Path,
        result: Path,
        grace_seconds: float,
        finish_after: str = "",
        keeps_open: Sequence[int] = (),
    ) -> None:
        options = ["--log", str(log), "--result", str(result), "--grace-seconds", str(grace_seconds)]
        if finish_after:
            options += ["--finish-after", finish_after]
        with log.open("ab") as stream:
            self._begin = self._offset = stream.tell()
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(Path(supervisor.__file__)), *options, "--", *command],
                cwd=folder,
                env=dict(environment),
                # Our end of this pipe is what keeps the command running; it closes with this process.
                stdin=subprocess.PIPE,
                stdout=stream,
                stderr=stream,
                start_new_session=True,
                pass_fds=keeps_open,
            )
        self._log = log
        self._result = result

    def has_ended(self) -> bool:
        """Whether the command, and all that it started, is gone."""
        return self._process.poll() is not None

    def stop(self) -> None:
        """Ask for its end, whatever it is doing: interrupt, clean-up, and only then kill."""
        self._process.terminate()

    def stop_soon(self) -> None:
        """Ask for its end where its clean-up would be in vain: killed a few seconds after its interrupt."""
        self._process.send_signal(signal.SIGQUIT)

    def close(self) -> None:
        """End it, and return when it has ended."""
        self.stop()
        self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()

    def new_lines(self) -> list[str]:
        """The complete lines that it has printed since the last call."""
        with self._log.open("rb") as stream:
            stream.seek(self._offset)
            data = stream.read(_MOST_BYTES_AT_ONCE)
        end = len(data) if len(data) == _MOST_BYTES_AT_ONCE else data.rfind(b"\n") + 1
        self._offset += end
        return data[:end].decode(errors="replace").splitlines()

    def all_lines(self) -> list[str]:
        """Everything that it has printed."""
        with self._log.open("rb") as stream:
            stream.seek(self._begin)
            return [readable(line.decode(errors="replace")) for line in stream]

    def exit_code(self) -> int:
        """That of the command, once it has ended."""
        return int(self._read_result().get("exit_code", self._process.wait()))

    def was_killed(self) -> bool:
        """Whether it did not end within the grace period after its interrupt."""
        return bool(self._read_result().get("was_killed", False))

    def _read_result(self) -> dict[str, float | bool]:
        try:
            result = json.loads(self._result.read_text())
        except (OSError, ValueError):  # The supervisor itself was killed.
            return {}
        return result if isinstance(result, dict) else {}
