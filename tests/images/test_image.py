"""The image of the web app, built by Packer on a local AWS and booted there."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from image_builder.checks.report import FACTS, REPORT, Outcome, Report, read_report
from local_aws.home import Home
from tests.images.conftest import BUILD_FACTS, WEB_APP
from tests.images.machines import PORT, Machine, launch
from tests.support.local_aws import ec2_client, process_environment, running_local_aws, wait_until
from tools.toolchain import ROOT

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ec2.type_defs import FilterTypeDef

HYGIENE = re.findall(
    r"^def (test_\w+)", (ROOT / "image_builder/checks/hygiene/test_hygiene.py").read_text(), re.MULTILINE
)
IMAGE_FACTS = ("ami_id", "ami_name", "family", "fingerprint", "git_commit", "region")
TAGS = {"Built-By": "packer", "RunId": "run-1"}
# At its first boot a machine tells on its console what could not be seen from outside; one line each.
TELL = r"""#!/bin/bash
tell() { printf 'TOLD %s=%s\n' "$1" "$(eval "$2" 2>&1 | tr '\n' ' ')" >/dev/console; }
tell machine_id 'cat /etc/machine-id'
tell host_key 'cut -d" " -f2 /etc/ssh/ssh_host_ed25519_key.pub'
tell authorized_keys 'cat /root/.ssh/authorized_keys /home/*/.ssh/authorized_keys | wc -c'
tell leftovers 'find /tmp /var/lib/apt/lists /var/cache/apt/archives -type f ! -name lock'
tell histories 'find /root /home -name ".*_history"'
tell user 'ps -o user= -C gunicorn | sort -u'
tell exposure 'systemd-analyze security --no-pager web-app.service | tail -1 | grep -o "[0-9][0-9.]*"'
tell timers 'systemctl is-enabled apt-daily.timer apt-daily-upgrade.timer'
tell resolved 'cat /etc/systemd/resolved.conf.d/*'
tell pending 'cat /usr/share/image/pending-upgrades.txt; echo end of them'
tell writable 'find /opt/web-app /etc/web-app -user web-app -o -perm /022 ! -type l'
tell end 'true'
"""
# What builds leave behind by mistake, as if it had been in the image.
SPOIL = r"""#!/bin/bash
mkdir -p /root/.ssh /root/.aws /var/lib/cloud/instances/i-0123456789abcdef0 /boot
echo 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMq somebody' >>/root/.ssh/authorized_keys
touch -d 2020-01-01 /etc/ssh/ssh_host_ed25519_key /etc/machine-id
passwd -d games
touch /home/admin/.bash_history /boot/vmlinuz-9999.0
echo cheese >/root/.aws/credentials
printf 'token = ghp_%s\n' "$(printf 'cheese%.0s' 1 2 3 4 5 6)" >/opt/web-app/settings.ini
sed -i '0,/^Status: install ok installed/s//Status: install ok unpacked/' /var/lib/dpkg/status
echo 'openssl [3.0.1] (3.0.2 Debian-Security:12 [amd64])' >>/usr/share/image/pending-upgrades.txt
systemd-run --unit broken false
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A local AWS for the image and its machines."""
    with running_local_aws(tmp_path_factory.mktemp("aws")) as home:
        yield home


@pytest.fixture(scope="module")
def ec2(home: Home) -> EC2Client:
    """Its EC2."""
    return ec2_client(home)


@pytest.fixture(scope="module")
def ami(home: Home, ec2: EC2Client, packer_tools: dict[str, str]) -> dict[str, Any]:
    """The AMI that the unchanged template builds."""
    variables = {**BUILD_FACTS, "ami_name": "web-app-0123456789ab", "tags": json.dumps(TAGS)}
    arguments = [argument for item in variables.items() for argument in ("-var", "=".join(item))]
    result = subprocess.run(
        ["packer", "build", "-color=false", *arguments, str(WEB_APP)],
        env={**process_environment(home), **packer_tools},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert result.returncode == 0, result.stdout[-5000:] + result.stderr[-5000:]
    (image,) = ec2.describe_images(Owners=["self"])["Images"]
    return dict(image)


@pytest.fixture(scope="module")
def machine(ec2: EC2Client, ami: dict[str, Any]) -> Machine:
    """A healthy machine of the image, which has told about itself."""
    machine = launch(ec2, ami["ImageId"], TELL)
    wait_until(machine.is_healthy, "the machine is healthy")
    return machine


@pytest.fixture(scope="module")
def told(machine: Machine) -> dict[str, str]:
    """What the machine told."""
    return what_it_tells(machine)


def what_it_tells(machine: Machine) -> dict[str, str]:
    """Everything that *machine* tells on its console."""
    wait_until(lambda: "TOLD end=" in machine.console(), "the machine has told everything")
    lines = re.findall(r"TOLD (\w+)=([^\r\n]*)", machine.console())
    return {name: value.strip() for name, value in lines}


def test_a_machine_tells_its_ami_its_own_id_and_what_it_was_built_from(
    machine: Machine, ami: dict[str, Any]
) -> None:
    assert machine.version() == {
        **BUILD_FACTS,
        "ami_id": ami["ImageId"],
        "instance_id": machine.instance_id,
        "secrets": {},
    }


def test_the_service_runs_as_its_own_user_and_is_hardened(told: dict[str, str]) -> None:
    assert told["user"] == "web-app"
    assert float(told["exposure"]) < 2.0, "systemd-analyze security calls 2.0 the end of OK"
    assert told["writable"] == ""


def test_nothing_on_the_machine_updates_it_in_place(told: dict[str, str]) -> None:
    assert told["timers"] == "masked masked"


def test_names_are_not_answered_to_neighbours(told: dict[str, str]) -> None:
    assert told["resolved"] == "[Resolve] LLMNR=no MulticastDNS=no"


def test_no_update_is_left_out_as_the_build_itself_wrote_down(told: dict[str, str]) -> None:
    assert told["pending"] == "end of them"


def test_nothing_of_the_build_is_left_in_the_image(told: dict[str, str]) -> None:
    assert told["leftovers"] == ""
    assert told["histories"] == ""
    assert told["authorized_keys"] == "0"


def test_two_machines_of_one_image_have_identities_of_their_own(
    ec2: EC2Client, ami: dict[str, Any], told: dict[str, str]
) -> None:
    other = launch(ec2, ami["ImageId"], TELL)
    other_told = what_it_tells(other)
    ec2.terminate_instances(InstanceIds=[other.instance_id])

    assert other_told["machine_id"] != told["machine_id"]
    assert other_told["host_key"] != told["host_key"]
    assert re.fullmatch("[0-9a-f]{32}", told["machine_id"])


def test_a_request_under_way_is_answered_when_the_machine_is_stopped(
    ec2: EC2Client, ami: dict[str, Any]
) -> None:
    machine = launch(ec2, ami["ImageId"])
    wait_until(machine.is_healthy, "the machine is healthy")
    with socket.create_connection((machine.address, PORT), timeout=30) as connection:
        connection.sendall(b"GET /version HTTP/1.1\r\nHost: web-app\r\n")
        # Answered after what was sent first, so the unfinished request is with a worker by then.
        assert machine.is_healthy()

        ec2.stop_instances(InstanceIds=[machine.instance_id])
        wait_until(lambda: not machine.is_listening(), "the service takes no more requests")
        connection.sendall(b"Connection: close\r\n\r\n")
        answer = connection.makefile("rb").read().decode()

    assert answer.startswith("HTTP/1.1 200 OK\r\n")
    assert machine.instance_id in answer


def test_a_machine_without_its_build_facts_does_not_serve_and_says_why_on_its_console(
    ec2: EC2Client, ami: dict[str, Any]
) -> None:
    machine = launch(ec2, ami["ImageId"], "#cloud-config\nbootcmd: [[rm, /etc/web-app/image.json]]\n")

    wait_until(
        lambda: (
            "web-app does not start: /etc/web-app/image.json: No such file or directory" in machine.console()
        ),
        "the console says why",
    )

    assert not machine.is_listening()
    ec2.terminate_instances(InstanceIds=[machine.instance_id])


def test_what_a_build_may_leave_in_an_image_is_found_by_the_check_that_every_image_gets(
    ec2: EC2Client, ami: dict[str, Any], home: Home, tmp_path: Path
) -> None:
    key = ec2.create_key_pair(KeyName="checks", KeyType="ed25519")["KeyMaterial"]
    spoiled = launch(ec2, ami["ImageId"], SPOIL, "checks")

    report, printed = check(spoiled.address, home.ssh_port, key, tmp_path)

    outcomes = {one.name.rpartition("::")[2]: one.outcome for one in report.checks}
    assert outcomes == dict.fromkeys(HYGIENE, Outcome.FAILED), printed
    found = "\n".join(" ".join(one.output) for one in report.checks)
    assert "/opt/web-app/settings.ini" in found
    assert "GitHub token" in found
    assert "/root/.aws/credentials" in found
    assert "openssl [3.0.1]" in found
    assert "i-0123456789abcdef0" in found
    assert "cheese" not in printed
    assert not (tmp_path / "login-key").exists()
    ec2.terminate_instances(InstanceIds=[spoiled.instance_id])
    ec2.delete_key_pair(KeyName="checks")


def check(address: str, port: int, key: str, folder: Path) -> tuple[Report, str]:
    """What the checks of every image say of the machine at *address*, and all that they print."""
    (folder / FACTS).write_text(json.dumps(dict.fromkeys(IMAGE_FACTS, "")))
    login = ["--key", str(folder / "login-key"), "--host", address, "--port", str(port), "--user", "admin"]
    command = [sys.executable, "-m", "image_builder.checks.run", str(folder), str(folder / "none"), *login]
    # Packer has logged in before it has checks run; here nobody has.
    deadline = time.monotonic() + 60
    while True:
        (folder / "login-key").write_text(key)
        result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
        report = read_report(folder / REPORT)
        assert report is not None, result.stderr
        if not report.of(Outcome.UNDECIDED) or time.monotonic() > deadline:
            return report, result.stdout + result.stderr


def test_the_ami_is_encrypted_takes_imdsv2_only_and_is_tagged_with_its_snapshot(
    ec2: EC2Client, ami: dict[str, Any]
) -> None:
    (root,) = ami["BlockDeviceMappings"]
    (snapshot,) = ec2.describe_snapshots(SnapshotIds=[root["Ebs"]["SnapshotId"]])["Snapshots"]

    assert ami["ImdsSupport"] == "v2.0"
    assert (root["Ebs"]["VolumeType"], root["Ebs"]["Encrypted"], snapshot["Encrypted"]) == ("gp3", True, True)
    for tags in (ami["Tags"], snapshot["Tags"]):
        assert {tag["Key"]: tag["Value"] for tag in tags} == {**TAGS, "Name": "web-app-0123456789ab"}


def test_the_build_machine_was_tagged_took_imdsv2_only_and_left_nothing_behind(
    ec2: EC2Client, ami: dict[str, Any]
) -> None:
    filters: list[FilterTypeDef] = [{"Name": "tag:Name", "Values": [f"packer {ami['Name']}"]}]
    (reservation,) = ec2.describe_instances(Filters=filters)["Reservations"]
    (builder,) = reservation["Instances"]

    assert builder["State"]["Name"] in ("shutting-down", "terminated")
    assert builder["MetadataOptions"]["HttpTokens"] == "required"
    assert TAGS.items() <= {tag["Key"]: tag["Value"] for tag in builder["Tags"]}.items()
    assert ec2.describe_key_pairs()["KeyPairs"] == []
    groups = ec2.describe_security_groups()["SecurityGroups"]
    assert [group["GroupName"] for group in groups if group["GroupName"].startswith("packer_")] == []
    assert ec2.describe_volumes(Filters=filters)["Volumes"] == []
