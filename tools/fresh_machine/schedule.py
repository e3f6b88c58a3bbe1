"""Runs steps, each as soon as those before it are done, and tells how far they are."""

import threading
import time
from collections.abc import Sequence
from pathlib import Path

from tools.fresh_machine.processes import Interrupted, Processes, StepFailed
from tools.fresh_machine.step import Step, Work

TELL_EVERY_SECONDS = 20.0
LINES_SHOWN_ON_FAILURE = 15


def format_duration(seconds: float) -> str:
    """Return *seconds* as people say it."""
    if seconds < 60:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    return f"{int(seconds) // 60} min {int(seconds) % 60:02d} s"


def runnable(steps: Sequence[Step], done: set[str], begun: set[str]) -> list[Step]:
    """Return the steps that can begin; a predecessor that is not among *steps* counts as done."""
    names = {step.name for step in steps}
    return [step for step in steps if step.name not in begun and {*step.after} & names <= done]


class Schedule:
    """The state of one set-up."""

    def __init__(self, steps: Sequence[Step], processes: Processes, logs: Path) -> None:
        self._steps = steps
        self._processes = processes
        self._logs = logs
        self._changed = threading.Condition()
        self._begun: set[str] = set()
        self._done: set[str] = set()
        self._failed: set[str] = set()
        self._print_lock = threading.Lock()

    def tell(self, name: str, text: str) -> None:
        """Print one line about the step *name*."""
        width = max((len(step.name) for step in self._steps), default=0)
        with self._print_lock:
            print(f"setup: {name.ljust(width)}  {text}", flush=True)

    def run(self) -> bool:
        """Run all steps; return whether all succeeded. After a failure nothing new is begun."""
        threads: list[threading.Thread] = []
        with self._changed:
            while True:
                if not self._failed:
                    for step in runnable(self._steps, self._done, self._begun):
                        self._begun.add(step.name)
                        threads.append(threading.Thread(target=self._run_step, args=(step,), daemon=True))
                        threads[-1].start()
                if self._begun == self._done | self._failed:
                    break
                self._changed.wait(timeout=1)
        for thread in threads:
            thread.join()
        return not self._failed

    def _run_step(self, step: Step) -> None:
        has_succeeded = False
        try:
            has_succeeded = self._attempt(step)
        finally:
            with self._changed:
                (self._done if has_succeeded else self._failed).add(step.name)
                self._changed.notify_all()

    def _attempt(self, step: Step) -> bool:
        if step.is_done():
            return True
        self._logs.mkdir(parents=True, exist_ok=True)
        log_file = self._logs / f"setup-{step.name}.log"
        began = time.monotonic()
        finished = threading.Event()
        teller = threading.Thread(target=self._tell_progress, args=(step, log_file, began, finished))
        teller.start()
        try:
            with log_file.open("wb") as log:
                step.run(
                    Work(processes=self._processes, log=log, tell=lambda text: self.tell(step.name, text))
                )
        except Interrupted:
            return False
        except (StepFailed, OSError) as error:
            finished.set()
            teller.join()
            self._tell_failure(step, log_file, error)
            return False
        finally:
            finished.set()
            teller.join()
        elapsed = time.monotonic() - began
        if elapsed >= step.announced_after_seconds:
            self.tell(step.name, f"done in {format_duration(elapsed)}")
        return True

    def _tell_progress(self, step: Step, log_file: Path, began: float, finished: threading.Event) -> None:
        if finished.wait(timeout=step.announced_after_seconds):
            return
        self.tell(step.name, f"{step.doing} ...")
        while not finished.wait(timeout=TELL_EVERY_SECONDS):
            self.tell(
                step.name, f"still at it after {format_duration(time.monotonic() - began)} ({log_file})"
            )

    def _tell_failure(self, step: Step, log_file: Path, error: Exception) -> None:
        lines = log_file.read_text(errors="replace").splitlines()[-LINES_SHOWN_ON_FAILURE:]
        for line in lines:
            self.tell(step.name, f"| {line}")
        self.tell(step.name, f"FAILED: {error}; the full output is in {log_file}; mend it and run again")
