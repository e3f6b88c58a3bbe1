"""Runs Packer, under its supervisor, and shows how it gets on. The only place that starts Packer.

Packer's output goes to the run's log file, which is followed here; its end, however it comes, is the
supervisor's to bring about (supervisor.py): we signal it at the deadline, and the operating system closes its
standard input when this process dies.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from image_builder.building.progress import Failure, Throttle, elapsed, is_shown, read_failure, step_of
from image_builder.building.run_folder import RunFolder
from image_builder.building.supervised import Supervised
from image_builder.building.supervisor import DEFAULT_GRACE_SECONDS
from image_builder.errors import PackerError

_PATHS = frozenset(
    {
        *("PATH", "PACKER_PLUGIN_PATH", "PACKER_CONFIG", "PACKER_CONFIG_DIR", "PACKER_CACHE_DIR"),
        *("PACKER_LOG_PATH", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_CA_BUNDLE"),
        *("AWS_WEB_IDENTITY_TOKEN_FILE", "SSL_CERT_FILE", "SSL_CERT_DIR"),
    }
)
_LOOK_SECONDS = 0.2
_HEARTBEAT_SECONDS = 60.0
_SILENCE_SECONDS = 10.0
_IS_REGISTERING = ": Creating AMI .+ from instance i-"
"""What amazon-ebs prints before CreateImage (packer-plugin-amazon v1.8.0, builder/ebs/step_create_ami.go)."""
_VERSION = re.compile(r"Packer v?(\d+\.\d+\.\d+\S*)")
OLDEST_VERSION = (1, 11)
"""What the set-up of a machine takes, too: `packer plugins install --path` and HCL as it is written here."""
_EXPECTED = f"Packer {'.'.join(map(str, OLDEST_VERSION))} or newer was expected"


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How one run of Packer ended."""

    command: str
    exit_code: int
    is_late: bool
    """It was stopped at the deadline."""
    is_hopeless: str
    """Why it was stopped before, because it could not succeed any more; else nothing."""
    was_killed: bool
    """It did not end within the grace period after its interrupt."""
    failure: Failure


class Packer:
    """Packer in the template's copy of one run; while it runs, *lock* stays open, whatever becomes of us.

    Where AWS does not answer it tries again in silence, for minutes also with credentials that have expired:
    *when_silent* is called to say so, and returns why the run is hopeless, or nothing.
    """

    def __init__(
        self,
        *,
        run: RunFolder,
        environment: Mapping[str, str],
        deadline: float,
        show: Callable[[str], None],
        grace_seconds: float = DEFAULT_GRACE_SECONDS,
        lock: int | None = None,
        when_silent: Callable[[], str] = lambda: "",
    ) -> None:
        self._run = run
        self._lock = lock
        self._environment = environment
        self._deadline = deadline
        self._show = show
        self._when_silent = when_silent
        self._grace_seconds = grace_seconds
        self._started = time.monotonic()
        self._throttle = Throttle()

    def run(self) -> Ended:
        """All of it, as far as it succeeds; how the last step ended."""
        for step in (self.init, self.validate):
            ended = step()
            if not succeeded(ended):
                return ended
        return self.build()

    def init(self) -> Ended:
        """Install the plugins that the template requires."""
        return self._follow("init", "packer", "init", ".")

    def validate(self) -> Ended:
        """Have Packer judge the template with the values of its variables."""
        return self._follow("validate", "packer", "validate", f"-var-file={self._run.variables}", ".")

    def build(self) -> Ended:
        """Build; never with -force, which deregisters an AMI of the same name (hashicorp/packer#6663)."""
        options = ("-color=false", "-on-error=cleanup", f"-var-file={self._run.variables}")
        return self._follow("build", "packer", "build", *options, ".")

    def _follow(self, name: str, *command: str) -> Ended:
        self._say(f"packer {name}")
        last_said = last_heard = time.monotonic()
        last_step = f"packer {name}"
        is_late, is_hopeless = False, ""
        running = Supervised(
            command,
            folder=self._run.template,
            environment=self._environment,
            log=self._run.log,
            result=self._run.path / f"{name}.json",
            grace_seconds=self._grace_seconds,
            finish_after=_IS_REGISTERING,
            keeps_open=[lock for lock in (self._run.lock, self._lock) if lock is not None],
        )
        try:
            while True:
                has_ended = running.has_ended()  # Asked before its last lines are read, so none is lost.
                for step in filter(is_shown, map(step_of, running.new_lines())):
                    last_step, last_heard = step, time.monotonic()
                    if shown := self._throttle.admit(step, self._elapsed()):
                        self._say(shown)
                        last_said = time.monotonic()
                if has_ended:
                    break
                if time.monotonic() > self._deadline and not is_late:
                    is_late = True
                    self._say("deadline: stopping Packer, which cleans up")
                    running.stop()
                elif time.monotonic() - last_said > _HEARTBEAT_SECONDS:
                    self._say(f"still: {last_step}")
                    last_said = time.monotonic()
                elif time.monotonic() - last_heard > _SILENCE_SECONDS and not is_hopeless:
                    if is_hopeless := self._when_silent():
                        self._say(f"stopping Packer: {is_hopeless}")
                        running.stop_soon()
                    last_heard = time.monotonic()
                time.sleep(_LOOK_SECONDS)
        finally:
            running.close()
        return Ended(
            command=name,
            exit_code=running.exit_code(),
            is_late=is_late,
            is_hopeless=is_hopeless,
            was_killed=running.was_killed(),
            failure=read_failure(running.all_lines()),
        )

    def _elapsed(self) -> float:
        return time.monotonic() - self._started

    def _say(self, line: str) -> None:
        self._show(f"{elapsed(self._elapsed())} {line}")


def packer_version(environment: Mapping[str, str]) -> str:
    """The version of the Packer on PATH; a missing one is one clear line."""
    path = shutil.which("packer", path=environment.get("PATH"))
    if path is None:
        raise PackerError(
            "packer is not on PATH · it is needed to build this image · install it, "
            "or pin an image that exists (pinned_ami)"
        )
    try:
        answer = subprocess.run(
            [path, "version"], env=dict(environment), capture_output=True, text=True, timeout=60, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PackerError(f"{path} version does not answer ({error}) · {_EXPECTED}") from error
    match = _VERSION.search(answer.stdout)
    if match is None:
        raise PackerError(f"{path} version answers {answer.stdout[:80]!r} · {_EXPECTED}")
    if tuple(map(int, match[1].split(".")[:2])) < OLDEST_VERSION:
        raise PackerError(f"{path} is Packer {match[1]} · {_EXPECTED} · install a newer one")
    return match[1]


def packer_environment(region: str, environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment that Packer runs in: ours, with PKR_VAR_…, in the image's region, without colours.

    And without Pulumi's variables: its passphrase and access token are no business of a build. Paths that are
    relative mean this folder, and Packer runs in another one.
    """
    return {
        **{
            name: _absolute(value) if name in _PATHS else value
            for name, value in environment.items()
            if not name.startswith("PULUMI_")
        },
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "CHECKPOINT_DISABLE": "1",
        "PACKER_NO_COLOR": "1",
    }


def _absolute(paths: str) -> str:
    return os.pathsep.join(
        # A tilde is for whoever reads the variable.
        path if not path or path.startswith("~") else str(Path(path).absolute())
        for path in paths.split(os.pathsep)
    )


def failure_message(ended: Ended, *, run: RunFolder, minutes: float) -> str:
    """One line that says where and why Packer failed, its last words, and where the whole log is."""
    failure = ended.failure
    if ended.is_late:
        what = f"packer {ended.command} was stopped after {minutes:g} min (build_timeout_minutes)"
    elif ended.is_hopeless:
        what = f"packer {ended.command} was stopped: {ended.is_hopeless}"
    else:
        what = f"packer {ended.command} exited {ended.exit_code}"
    if failure.provisioner:
        code = "" if failure.exit_code is None else f" (its script exited {failure.exit_code})"
        what += f" at provisioner '{failure.provisioner}'{code}"
    if failure.cause:
        what += f": {failure.cause}"
    parts = [what]
    if ended.was_killed:
        parts.append(
            "it was killed before it had cleaned up: what it left is removed by "
            f"python -m image_builder reap --run {run.run_id} --yes"
        )
    if failure.last_lines:
        parts.append(f"last lines: {' | '.join(failure.last_lines)}")
    parts.append(f"full log: {run.log}")
    return " · ".join(parts)


def succeeded(ended: Ended) -> bool:
    """Whether the run did what it was for."""
    return ended.exit_code == 0 and not ended.is_late
