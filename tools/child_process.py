"""Runs a command that ends in its own way when it is interrupted."""

import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType


def run_to_its_end(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> int:
    """Run *command* and return its exit status, however often this process is interrupted meanwhile.

    Ctrl-C reaches the command by itself, since the terminal interrupts the whole process group; whoever ends
    only this process (a CI runner, by SIGTERM) interrupts the command through it. subprocess.run would kill
    the command after a quarter of a second: pulumi, for one, needs longer to let Packer clean up.
    """
    child = subprocess.Popen(command, cwd=folder, env=dict(environment))

    def leave_to_the_command(_number: int, _frame: FrameType | None) -> None:
        """Do nothing: the terminal has told the command."""

    def interrupt_the_command(_number: int, _frame: FrameType | None) -> None:
        child.send_signal(signal.SIGINT)

    earlier = {
        signal.SIGINT: signal.signal(signal.SIGINT, leave_to_the_command),
        signal.SIGTERM: signal.signal(signal.SIGTERM, interrupt_the_command),
    }
    try:
        return child.wait()
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)
