"""No secret that a run is given comes out of it again: not in state, logs, output, arguments or the image.

Everything that the run leaves is read: its printed output, the exported state, Pulumi's backend and home
with their histories and logs, the checkout with .packer-runs, the local AWS's folder with its logs and the
seeds of its machines, the command lines of all processes of this computer while it runs, and the image's
every file.
Left out is one thing: the environment of the processes themselves, which is how secrets are given.
"""

from __future__ import annotations

import contextlib
import hashlib
import secrets
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import psutil
import pytest

from local_aws.home import Home
from local_aws.machines import podman
from tests.end_to_end.checkout import Checkout, copy_project
from tests.support.local_aws import running_local_aws
from tools.local_stack import local_environment

TEMPLATE = "images/web-app/web-app.pkr.hcl"
LOOK_SECONDS = 0.05
BLOCK_BYTES = 1 << 20
STACK = "local"
# In two words, so that it is not found in this file.
LOGIN = {"Packer's login to the machine that verifies": " ".join(["BEGIN", "OPENSSH PRIVATE KEY"])}


def plant() -> dict[str, str]:
    """Secrets of this run alone, by the environment variable that each is given in."""
    names = (
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "PULUMI_CONFIG_PASSPHRASE",
        "PKR_VAR_declared_secret",
        "PKR_VAR_undeclared_secret",
    )
    return {name: f"planted-{secrets.token_hex(16)}" for name in names}


class Arguments:
    """Looks at every process of this computer, all the time, for the values that no command line may have."""

    def __init__(self, planted: Mapping[str, str]) -> None:
        self.found: set[str] = set()
        self.looks = 0
        self._planted = planted
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Arguments:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(LOOK_SECONDS):
            self.looks += 1
            for process in psutil.process_iter():
                with contextlib.suppress(psutil.Error):
                    line = " ".join(process.cmdline())
                    self.found |= {
                        f"{name} in {process.name()}"
                        for name, value in self._planted.items()
                        if value in line
                    }


def names_in(data: bytes, planted: Mapping[str, str]) -> set[str]:
    """Which secrets are in *data*."""
    return {name for name, value in planted.items() if value.encode() in data}


def found_in_files(folder: Path, planted: Mapping[str, str]) -> set[str]:
    """`secret in file` for each secret in a file of *folder*."""
    found: set[str] = set()
    for file in folder.rglob("*"):
        # A link leads to what is not of this run (.venv, plugins), or to a file that is read anyway.
        if file.is_file() and not file.is_symlink():
            found |= {
                f"{name} in {file.relative_to(folder)}" for name in names_in(file.read_bytes(), planted)
            }
    return found


def found_in_image(image: str, planted: Mapping[str, str]) -> tuple[set[str], int]:
    """The secrets in any byte of the image's files, and how many bytes that were."""
    container = podman.run(["create", image, "true"]).strip()
    try:
        export = subprocess.Popen(["podman", "export", container], stdout=subprocess.PIPE)
        assert export.stdout is not None
        found: set[str] = set()
        size, end = 0, b""
        while block := export.stdout.read(BLOCK_BYTES):
            found |= names_in(end + block, planted)
            size, end = size + len(block), block[-200:]
        assert export.wait() == 0
    finally:
        podman.run(["rm", "--force", container])
    return found, size


@pytest.fixture(scope="module")
def planted() -> dict[str, str]:
    """The secrets."""
    return plant()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A local AWS that sees nothing but this run."""
    with running_local_aws(tmp_path_factory.mktemp("aws")) as home:
        yield home


@pytest.fixture(scope="module")
def backend(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pulumi's state, history, home."""
    return tmp_path_factory.mktemp("pulumi")


@pytest.fixture(scope="module")
def checkout(
    home: Home, backend: Path, planted: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Checkout:
    """A checkout whose image needs two secrets, and whose provisioners print all they know."""
    environment = {**local_environment(home=home, backend=backend), **planted}
    checkout = copy_project(tmp_path_factory.mktemp("checkout"), environment)
    config = checkout.folder / f"Pulumi.{STACK}.yaml"
    lines = config.read_text().splitlines(keepends=True)
    config.write_text("".join(line for line in lines if not line.startswith("encryptionsalt")))
    digests = {
        name: hashlib.sha256(planted[f"PKR_VAR_{name}"].encode()).hexdigest()
        for name in ("declared_secret", "undeclared_secret")
    }
    checks = "\n".join(
        f'      "test \\"$(printf %s \\"${name.upper()}\\" | sha256sum | cut -d\' \' -f1)\\" = {digest}",'
        for name, digest in digests.items()
    )
    provisioners = f"""
  provisioner "shell" {{
    environment_vars = [
      "DECLARED_SECRET=${{var.declared_secret}}", "UNDECLARED_SECRET=${{var.undeclared_secret}}",
    ]
    use_env_var_file = true # in a file of the build machine, not among a command's arguments
    inline = [
{checks}
      "echo both secrets arrived; env",
    ]
  }}
  provisioner "shell-local" {{
    inline = ["echo here is all: $(env)"]
  }}
"""
    checkout.edit(TEMPLATE, "build {\n", 'variable "undeclared_secret" { type = string }\nbuild {\n')
    checkout.edit(
        TEMPLATE,
        "build {\n",
        'variable "declared_secret" {\n  type      = string\n  sensitive = true\n}\nbuild {\n',
    )
    first = '  sources = ["source.amazon-ebs.web_app"]\n'
    checkout.edit(TEMPLATE, first, first + provisioners)
    return checkout


def test_no_secret_of_a_run_that_builds_rolls_out_and_fails_comes_out_of_it(
    checkout: Checkout, planted: dict[str, str], home: Home, backend: Path
) -> None:
    configured = f"planted-{secrets.token_hex(16)}"
    everything = {**planted, "a secret of the stack's config": configured}
    checkout.init(STACK)
    began = time.monotonic()
    set_secret = subprocess.run(
        ["pulumi", "config", "set", "--secret", "other:password", "--stack", STACK],
        input=configured,  # as `pulumi config set` is to be given secrets: not as an argument
        cwd=checkout.folder,
        env=dict(checkout.environment),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    with Arguments({**everything, **LOGIN}) as arguments:
        printed = set_secret.stdout + set_secret.stderr
        printed += checkout.must("pulumi", "preview", "--diff", "--stack", STACK)
        printed += checkout.up(STACK)
        ami_id = checkout.outputs(STACK)["ami_id"]
        state = checkout.must("pulumi", "stack", "export", "--stack", STACK)
        checkout.edit(TEMPLATE, "echo both secrets arrived; env", "env; exit 7")
        failure = checkout.failing_up(STACK)
    logs = sorted((checkout.folder / ".packer-runs").glob("*/packer.log"))

    assert "exited 7" in failure or "status: 7" in failure, failure
    assert "both secrets arrived" in logs[0].read_text()
    assert "here is all" in logs[0].read_text()
    assert "DECLARED_SECRET=<sensitive>" in logs[0].read_text()
    assert arguments.looks > (time.monotonic() - began) / 10, "processes were hardly looked at"

    assert arguments.found == set()
    assert names_in((printed + failure).encode(), {**everything, **LOGIN}) == set()
    assert found_in_files(checkout.folder / ".packer-runs", LOGIN) == set()
    assert names_in(state.encode(), everything) == set()
    assert found_in_files(checkout.folder, everything) == set()
    assert found_in_files(backend, everything) == set()
    assert found_in_files(home.folder, everything) == set()
    (image,) = (name for name in podman.images_named(f"localhost/{home.name}/") if ami_id in name)
    found, size = found_in_image(image, everything)
    assert size > 100 * BLOCK_BYTES, "an image of Debian is larger"
    assert found == set()
