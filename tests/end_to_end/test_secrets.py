"""No secret that a run is given comes out of it again: not in state, logs, output, arguments or the image.

Everything that the run leaves is read: its printed output, the exported state, Pulumi's backend and home
with their histories and logs, the checkout with .packer-runs, the local AWS's folder with its logs and the
seeds of its machines, the command lines of all processes of this computer while it runs, and the image's
every file. Among them are those that machines read at boot, which they have only in memory.
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
from typing import Any

import boto3
import psutil
import pytest

from local_aws.home import REGION, Home
from local_aws.machines import podman
from tests.end_to_end.checkout import COMMAND_TIMEOUT_SECONDS, Checkout, ask, copy_project, wait_until
from tests.end_to_end.tiny import ONE_INSTANCE
from tests.support.faults import Faults
from tests.support.local_aws import running_local_aws
from tools.local_stack import local_environment

TEMPLATE = "images/web-app/web-app.pkr.hcl"
LOOK_SECONDS = 0.05
LOOK_AT_ALL_SECONDS = 1.0
BLOCK_BYTES = 1 << 20
STACK = "local"
SECRET = "web/database"
PARAMETER = "/web/token"
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
    """Looks at the processes of this computer, all the time, for the values that no command line may have.

    A process gets its command line as it starts: it is looked at often in its first second, then each second.
    """

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
        first_seen: dict[int, float] = {}
        looked_at_all = 0.0
        while not self._stop.wait(LOOK_SECONDS):
            self.looks += 1
            now = time.monotonic()
            first_seen = {process: first_seen.get(process, now) for process in psutil.pids()}
            is_for_all = now - looked_at_all > LOOK_AT_ALL_SECONDS
            looked_at_all = now if is_for_all else looked_at_all
            for process, since in first_seen.items():
                if is_for_all or now - since < LOOK_AT_ALL_SECONDS:
                    self._look_at(process)

    def _look_at(self, process: int) -> None:
        with contextlib.suppress(psutil.Error):
            one = psutil.Process(process)
            line, name = " ".join(one.cmdline()), one.name()
            self.found |= {f"{secret} in {name}" for secret, value in self._planted.items() if value in line}


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


class Keepers:
    """Secrets Manager and Parameter Store, with one secret each for machines, and IAM with who may read."""

    def __init__(self, home: Home, values: Mapping[str, str]) -> None:
        made: Any = boto3.session.Session(
            aws_access_key_id="local", aws_secret_access_key="local", region_name=REGION
        )
        self._stored = made.client("secretsmanager", endpoint_url=home.endpoint_url)
        self._stored.create_secret(Name=SECRET, SecretString=values[SECRET])
        parameters = made.client("ssm", endpoint_url=home.endpoint_url)
        parameters.put_parameter(Name=PARAMETER, Value=values[PARAMETER], Type="SecureString")
        self._identities = made.client("iam", endpoint_url=home.endpoint_url)

    def rotate(self, value: str) -> str:
        """Give the secret another value, and return the id of its version."""
        return str(self._stored.put_secret_value(SecretId=SECRET, SecretString=value)["VersionId"])

    def version(self) -> str:
        """The id of its current version."""
        versions = self._stored.describe_secret(SecretId=SECRET)["VersionIdsToStages"]
        (current,) = [version for version, stages in versions.items() if "AWSCURRENT" in stages]
        return str(current)

    def roles(self) -> set[str]:
        """The names of the roles that machines may have."""
        profiles = self._identities.list_instance_profiles()["InstanceProfiles"]
        return {role["RoleName"] for profile in profiles for role in profile["Roles"]}

    def delete(self) -> None:
        """Take the secret away."""
        self._stored.delete_secret(SecretId=SECRET)


def read_secrets_follow_their_keepers(
    checkout: Checkout, keepers: Keepers, faults: Faults, values: Mapping[str, str]
) -> str:
    """The life of a secret that machines have: rotated, missing, gone while they boot; what it printed."""
    url, first = checkout.outputs(STACK)["url"], keepers.version()
    assert ask(url)["secrets"] == {SECRET: first, PARAMETER: "1"}

    second = keepers.rotate(values["the rotated secret"])
    printed = checkout.preview(STACK)
    assert first in printed
    assert second in printed
    printed += checkout.up(STACK)
    assert ask(url)["secrets"] == {SECRET: second, PARAMETER: "1"}

    checkout.must("pulumi", "config", "set", "--path", "secretNames[2]", "web/none", "--stack", STACK)
    refused = checkout.run("pulumi", "preview", "--stack", STACK)
    assert refused.exit_code != 0
    assert "secretNames has web/none, which is not in Secrets Manager of us-east-1" in refused.output
    checkout.must("pulumi", "config", "rm", "--path", "secretNames[2]", "--stack", STACK)

    (before,) = keepers.roles()
    checkout.must("pulumi", "config", "rm", "--path", "secretNames[1]", "--stack", STACK)
    keepers.rotate(values["the lost secret"])
    held = faults.inject("autoscaling:StartInstanceRefresh", "hold", count=1)
    with checkout.start("pulumi", "up", "--yes", "--skip-preview", "--stack", STACK) as up:
        wait_until(lambda: faults.hits(held) > 0, "the rollout is about to start", timeout_seconds=300)
        keepers.delete()
        faults.release(held)
        failure, _ = up.communicate(timeout=COMMAND_TIMEOUT_SECONDS)
    assert up.returncode != 0, failure
    assert "ended RollbackSuccessful" in failure
    assert f"web-app-secrets: {SECRET} cannot be read: " in failure
    assert ask(url)["secrets"] == {SECRET: second, PARAMETER: "1"}
    # The machines of before may still read what they read, and those to come one secret less.
    assert before in keepers.roles()
    assert len(keepers.roles()) == 2
    return printed + refused.output + failure


def test_no_secret_of_a_run_that_builds_rolls_out_and_fails_comes_out_of_it(
    checkout: Checkout, planted: dict[str, str], home: Home, backend: Path
) -> None:
    configured = f"planted-{secrets.token_hex(16)}"
    kept = (SECRET, PARAMETER, "the rotated secret", "the lost secret")
    read_at_boot = {name: f"planted-{secrets.token_hex(16)}" for name in kept}
    everything = {**planted, **read_at_boot, "a secret of the stack's config": configured}
    keepers = Keepers(home, read_at_boot)
    checkout.init(STACK, **ONE_INSTANCE)
    for index, name in enumerate((SECRET, PARAMETER)):
        checkout.must("pulumi", "config", "set", "--path", f"secretNames[{index}]", name, "--stack", STACK)
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
        printed += read_secrets_follow_their_keepers(checkout, keepers, Faults(home), read_at_boot)
        checkout.must("pulumi", "config", "rm", "secretNames", "--stack", STACK)
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
