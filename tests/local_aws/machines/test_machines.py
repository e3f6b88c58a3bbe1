"""Real machines behind the EC2 API: they boot, are imaged, restart, die and go."""

from __future__ import annotations

import concurrent.futures
import json
import subprocess
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from local_aws.home import Home
from local_aws.machines import podman
from tests.support.local_aws import ec2_client, wait_until

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client

pytestmark = pytest.mark.timeout(180)

# A user data script that serves the machine's files on port 8080, as a service that outlives a restart.
WEB_SERVER = """\
#!/bin/sh
cat > /etc/systemd/system/files.service <<UNIT
[Service]
ExecStart=/usr/bin/python3 -m http.server 8080 --directory /srv
[Install]
WantedBy=multi-user.target
UNIT
systemctl enable --now files.service
"""


class Account:
    """The account of the local AWS under test, in the words of these tests."""

    def __init__(self, home: Home, folder: Path) -> None:
        self.home = home
        self.ec2: EC2Client = ec2_client(home)
        self.key_file = folder / "key"
        key = self.ec2.create_key_pair(KeyName="test", KeyType="ed25519")
        self.key_file.touch(mode=0o600)
        self.key_file.write_text(key["KeyMaterial"])
        self.debian = self.ec2.describe_images(Owners=["136693071363"])["Images"][0]["ImageId"]

    def launch(self, image: str = "", user_data: str = "", **more: Any) -> str:
        """The id of a new instance that runs."""
        reservation = self.ec2.run_instances(
            ImageId=image or self.debian,
            MinCount=1,
            MaxCount=1,
            InstanceType="t3.micro",
            KeyName="test",
            UserData=user_data,
            **more,
        )
        instance_id = reservation["Instances"][0]["InstanceId"]
        self.wait_for(instance_id, "running")
        return str(instance_id)

    def instance(self, instance_id: str) -> Any:
        """The instance as DescribeInstances has it."""
        return self.ec2.describe_instances(InstanceIds=[instance_id])["Reservations"][0]["Instances"][0]

    def wait_for(self, instance_id: str, state: str) -> None:
        """Return when the instance is in *state*."""
        wait_until(lambda: self.instance(instance_id)["State"]["Name"] == state, f"{instance_id} is {state}")

    def address(self, instance_id: str) -> str:
        """The instance's public address."""
        return str(self.instance(instance_id)["PublicIpAddress"])

    def ssh(self, instance_id: str, command: str) -> str:
        """What *command* printed on the machine."""
        options = ["-oStrictHostKeyChecking=no", "-oUserKnownHostsFile=/dev/null", "-oLogLevel=ERROR"]
        options += ["-i", str(self.key_file), "-p", str(self.home.ssh_port)]
        target = f"admin@{self.address(instance_id)}"
        result = subprocess.run(
            ["ssh", *options, target, command], capture_output=True, text=True, timeout=60, check=False
        )
        assert result.returncode == 0, result.stderr
        return str(result.stdout).strip()

    def order(self, instance_id: str, command: str) -> None:
        """Begin *command* on the machine, which may end before it says so."""
        subprocess.run(
            ["podman", "exec", self.container(instance_id), command],
            capture_output=True,
            check=False,
            timeout=60,
        )

    def container(self, instance_id: str) -> str:
        """The name of the machine's container."""
        return f"{self.home.name}-{instance_id}"


def fetch(url: str) -> str:
    """The body at *url*, empty while nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return str(answer.read().decode())
    except OSError:
        return ""


@pytest.fixture(scope="module")
def account(local_aws_home: Home, tmp_path_factory: pytest.TempPathFactory) -> Account:
    return Account(local_aws_home, tmp_path_factory.mktemp("account"))


@pytest.fixture(scope="module")
def machine(account: Account) -> str:
    return account.launch(user_data=WEB_SERVER)


def test_a_machine_answers_ssh_to_the_default_user_of_debians_amis(account: Account, machine: str) -> None:
    assert account.ssh(machine, "sudo whoami; whoami").split() == ["root", "admin"]


def test_user_data_runs_and_its_service_is_reached_at_the_machines_address(
    account: Account, machine: str
) -> None:
    url = f"http://{account.address(machine)}:8080/"

    wait_until(lambda: "Directory listing" in fetch(url), f"{url} answers")


def test_a_machine_boots_without_a_failed_unit_and_knows_its_ami_where_ec2_has_it(
    account: Account, machine: str
) -> None:
    assert (
        account.ssh(machine, "sudo cloud-init status --wait >/dev/null; systemctl is-system-running")
        == "running"
    )
    data = json.loads(account.ssh(machine, "sudo cat /run/cloud-init/instance-data.json"))
    assert data["ds"]["meta-data"]["ami-id"] == account.debian
    assert data["v1"]["instance_id"] == machine


def test_a_machine_has_one_loopback_address_as_private_and_public_address(
    account: Account, machine: str
) -> None:
    instance = account.instance(machine)

    assert instance["PrivateIpAddress"] == instance["PublicIpAddress"]
    assert instance["PublicIpAddress"].startswith(f"{account.home.network}.")


def test_the_console_shows_the_boot(account: Account, machine: str) -> None:
    assert "Cloud-init" in account.ec2.get_console_output(InstanceId=machine)["Output"]


def test_an_image_keeps_what_was_done_on_the_machine_and_boots_as_another_one(
    account: Account, machine: str
) -> None:
    account.ssh(machine, "echo kept | sudo tee /srv/file; sync")
    account.ec2.stop_instances(InstanceIds=[machine])
    account.wait_for(machine, "stopped")

    image = account.ec2.create_image(InstanceId=machine, Name="made-by-test")["ImageId"]
    account.ec2.get_waiter("image_available").wait(ImageIds=[image], WaiterConfig={"Delay": 1})
    account.ec2.start_instances(InstanceIds=[machine])
    copy = account.launch(image)

    assert account.ssh(copy, "cat /srv/file") == "kept"
    assert account.ssh(copy, "hostname") != account.ssh(machine, "hostname")
    host_key = "cat /etc/ssh/ssh_host_ed25519_key.pub"
    assert account.ssh(copy, host_key) != account.ssh(machine, host_key)
    wait_until(lambda: fetch(f"http://{account.address(copy)}:8080/file") == "kept\n", "its service runs")
    account.ec2.terminate_instances(InstanceIds=[copy])
    account.ec2.deregister_image(ImageId=image)
    wait_until(lambda: not podman.images_named(f"localhost/{account.home.name}/"), "its disk is gone")
    with pytest.raises(ClientError, match=r"InvalidAMIID\.Unavailable"):
        account.launch(image)


def test_of_two_images_made_at_once_with_one_name_one_is_refused(account: Account, machine: str) -> None:
    account.wait_for(machine, "running")

    def create(_: int) -> str:
        try:
            return str(account.ec2.create_image(InstanceId=machine, Name="same-name")["ImageId"])
        except ClientError as error:
            return str(error.response["Error"].get("Code"))

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        answers = sorted(pool.map(create, range(4)))

    assert answers[:3] == ["InvalidAMIName.Duplicate"] * 3
    account.ec2.deregister_image(ImageId=answers[3])


def test_the_root_volume_of_a_launch_is_the_images_root_volume(account: Account) -> None:
    volume = {"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 12, "VolumeType": "gp3", "Encrypted": True}}
    encrypted = account.launch(BlockDeviceMappings=[volume])

    image = account.ec2.create_image(InstanceId=encrypted, Name="encrypted")["ImageId"]
    device = account.ec2.describe_images(ImageIds=[image])["Images"][0]["BlockDeviceMappings"][0]

    assert device["DeviceName"] == "/dev/xvda"
    assert device["Ebs"]["VolumeSize"] == 12
    assert device["Ebs"]["Encrypted"]
    account.ec2.terminate_instances(InstanceIds=[encrypted])


def test_a_launch_template_gives_image_user_data_tags_and_metadata_options(account: Account) -> None:
    data: Any = {
        "ImageId": account.debian,
        "InstanceType": "t3.micro",
        "KeyName": "test",
        "UserData": "IyEvYmluL3NoCmVjaG8gZnJvbS10ZW1wbGF0ZSA+IC9zcnYvdGVtcGxhdGUK",
        "MetadataOptions": {"HttpTokens": "required"},
        "TagSpecifications": [
            {"ResourceType": "instance", "Tags": [{"Key": "a", "Value": "1"}]},
            {"ResourceType": "volume", "Tags": [{"Key": "b", "Value": "2"}]},
        ],
    }
    account.ec2.create_launch_template(LaunchTemplateName="t", LaunchTemplateData=data)

    launched = account.ec2.run_instances(LaunchTemplate={"LaunchTemplateName": "t"}, MinCount=1, MaxCount=1)
    instance_id = launched["Instances"][0]["InstanceId"]
    account.wait_for(instance_id, "running")

    instance = account.instance(instance_id)
    assert (
        account.ssh(instance_id, "sudo cloud-init status --wait >/dev/null; cat /srv/template")
        == "from-template"
    )
    assert {"Key": "a", "Value": "1"} in instance["Tags"]
    assert instance["MetadataOptions"]["HttpTokens"] == "required"
    volume = account.ec2.describe_volumes(VolumeIds=[instance["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]])
    assert volume["Volumes"][0]["Tags"] == [{"Key": "b", "Value": "2"}]
    account.ec2.terminate_instances(InstanceIds=[instance_id])


def test_a_terminated_machine_ends_its_services_and_leaves_nothing(account: Account) -> None:
    instance_id = account.launch()
    container = account.container(instance_id)
    assert container in podman.machines_of(account.home.name)

    account.ec2.terminate_instances(InstanceIds=[instance_id])
    assert account.instance(instance_id)["State"]["Name"] in ("shutting-down", "terminated")
    account.wait_for(instance_id, "terminated")

    assert container not in podman.machines_of(account.home.name)
    assert not (account.home.folder / "machines" / instance_id).exists()
    assert "PublicIpAddress" not in account.instance(instance_id)
    assert "Halting system." in account.ec2.get_console_output(InstanceId=instance_id)["Output"]


def test_a_launch_that_is_repeated_with_its_token_is_one_launch(account: Account) -> None:
    launches = [
        account.ec2.run_instances(ImageId=account.debian, MinCount=1, MaxCount=1, ClientToken=token)
        for token in ("one", "one", "other")
    ]
    one, again, other = (launch["Instances"][0]["InstanceId"] for launch in launches)
    account.ec2.terminate_instances(InstanceIds=[one, other])

    assert again == one != other


def test_a_launch_that_was_refused_stands_in_no_other_launchs_way(account: Account) -> None:
    launch: Any = {"ImageId": account.debian, "MinCount": 1, "MaxCount": 1}
    with pytest.raises(ClientError, match="InvalidSubnetID"):
        account.ec2.run_instances(**launch, SubnetId="subnet-00000000000000000")

    launched = account.ec2.run_instances(**launch, ClientToken="after")["Instances"][0]["InstanceId"]
    account.ec2.terminate_instances(InstanceIds=[launched])

    assert launched.startswith("i-")


def test_a_machine_terminated_while_it_boots_is_gone_too(account: Account) -> None:
    launched = account.ec2.run_instances(
        ImageId=account.debian, InstanceType="t3.micro", MinCount=3, MaxCount=3
    )
    ids = [instance["InstanceId"] for instance in launched["Instances"]]

    account.ec2.terminate_instances(InstanceIds=ids)
    for instance_id in ids:
        account.wait_for(instance_id, "terminated")

    left = podman.machines_of(account.home.name)
    assert not {account.container(instance_id) for instance_id in ids} & set(left)


def test_a_machine_that_is_killed_is_noticed_within_two_seconds(account: Account) -> None:
    instance_id = account.launch()

    podman.run(["kill", "--signal=KILL", account.container(instance_id)])
    wait_until(lambda: account.instance(instance_id)["State"]["Name"] == "stopped", "it is noticed", 2)

    reason = account.instance(instance_id)["StateReason"]["Message"]
    assert reason.startswith("Client.InstanceInitiatedShutdown")
    account.ec2.terminate_instances(InstanceIds=[instance_id])
    account.wait_for(instance_id, "terminated")


def test_a_machine_whose_container_is_removed_is_terminated(account: Account) -> None:
    instance_id = account.launch()

    podman.remove_machines([account.container(instance_id)])
    account.wait_for(instance_id, "terminated")

    assert account.instance(instance_id)["StateReason"]["Code"] == "Server.InternalError"


def test_an_instance_that_terminates_at_shutdown_does_so_when_it_powers_itself_off(account: Account) -> None:
    instance_id = account.launch(InstanceInitiatedShutdownBehavior="terminate")

    subprocess.run(
        ["podman", "exec", account.container(instance_id), "poweroff"], capture_output=True, check=False
    )

    account.wait_for(instance_id, "terminated")


def test_a_machine_that_reboots_itself_comes_back(account: Account) -> None:
    instance_id = account.launch()
    boot_id = "cat /proc/1/stat | cut -d' ' -f22"
    before = account.ssh(instance_id, boot_id)

    subprocess.run(
        ["podman", "exec", account.container(instance_id), "reboot"], capture_output=True, check=False
    )

    def has_rebooted() -> bool:
        try:
            return account.ssh(instance_id, boot_id) != before
        except AssertionError:
            return False

    wait_until(has_rebooted, "it answers after its reboot")
    assert account.instance(instance_id)["State"]["Name"] == "running"
    account.ec2.terminate_instances(InstanceIds=[instance_id])


@pytest.mark.parametrize(
    ("image", "code"),
    [
        ("ami-00000000000000000", "InvalidAMIID.NotFound"),
        ("debian-12", "InvalidAMIID.Malformed"),
    ],
)
def test_an_image_that_does_not_exist_is_refused_as_on_aws(account: Account, image: str, code: str) -> None:
    with pytest.raises(ClientError) as failure:
        account.launch(image)

    assert failure.value.response["Error"]["Code"] == code


def test_a_key_pair_that_does_not_exist_is_refused(account: Account) -> None:
    with pytest.raises(ClientError, match=r"InvalidKeyPair\.NotFound"):
        account.ec2.run_instances(
            ImageId=account.debian, InstanceType="t3.micro", MinCount=1, MaxCount=1, KeyName="none"
        )


def test_more_machines_than_addresses_are_refused_with_the_number_there_can_be(account: Account) -> None:
    with pytest.raises(ClientError, match=r"InsufficientInstanceCapacity.*at most 245 machines"):
        account.ec2.run_instances(ImageId=account.debian, InstanceType="t3.micro", MinCount=246, MaxCount=246)
