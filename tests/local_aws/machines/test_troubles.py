"""What befalls machines: killed, hung, broken, and never healthy from the first."""

from __future__ import annotations

import contextlib
import urllib.error
import urllib.request

import pytest

from local_aws.__main__ import main
from local_aws.home import Home, LocalAwsError
from local_aws.machines.troubles import NextLaunch, NextLaunches, Trouble
from tests.local_aws.machines.test_machines import WEB_SERVER, Account
from tests.support.local_aws import wait_until
from tests.support.machines import Machines

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def account(local_aws_home: Home, tmp_path_factory: pytest.TempPathFactory) -> Account:
    """An account with a key pair."""
    return Account(local_aws_home, tmp_path_factory.mktemp("keys"))


@pytest.fixture
def machines(local_aws_home: Home) -> Machines:
    """Its machines."""
    return Machines(local_aws_home)


def page(account: Account, instance_id: str, seconds: float = 2) -> str:
    """How the machine's web server answers: `200`, `refused` or `silent`."""
    try:
        url = f"http://{account.address(instance_id)}:8080/"
        with urllib.request.urlopen(url, timeout=seconds) as answer:
            return str(answer.status)
    except TimeoutError:
        return "silent"
    except urllib.error.URLError as error:
        return "silent" if isinstance(error.reason, TimeoutError) else "refused"
    except ConnectionError:
        return "refused"


def wait_for_page(account: Account, instance_id: str, wanted: str) -> None:
    """Return when the web server answers so."""
    wait_until(lambda: page(account, instance_id) == wanted, f"the page is {wanted}", seconds=90)


@pytest.fixture(scope="module")
def web(account: Account) -> str:
    """A machine that serves a page."""
    instance_id = account.launch(user_data=WEB_SERVER)
    wait_for_page(account, instance_id, "200")
    return instance_id


def test_a_machine_that_hangs_accepts_and_does_not_answer_until_it_goes_on(
    account: Account, machines: Machines, web: str
) -> None:
    machines.hang(web)
    hung = page(account, web)
    machines.resume(web)

    assert hung == "silent"
    wait_for_page(account, web, "200")


def test_a_broken_machine_refuses_and_serves_again_when_mended(
    account: Account, machines: Machines, web: str
) -> None:
    machines.break_ports(web)
    broken, over_ssh = page(account, web), account.ssh(web, "echo here")
    machines.mend(web)

    assert broken == "refused"
    assert over_ssh == "here"
    assert page(account, web) == "200"


def test_a_machine_breaks_when_its_time_has_come(account: Account, machines: Machines, web: str) -> None:
    machines.break_ports(web, in_seconds=1)

    wait_for_page(account, web, "refused")
    machines.mend(web)


def test_a_machine_that_hangs_can_be_terminated(account: Account, machines: Machines) -> None:
    instance_id = account.launch()
    machines.hang(instance_id)

    account.ec2.terminate_instances(InstanceIds=[instance_id])

    account.wait_for(instance_id, "terminated")


def test_a_killed_machine_is_a_stopped_instance(account: Account, machines: Machines) -> None:
    instance_id = account.launch()

    machines.kill(instance_id)

    account.wait_for(instance_id, "stopped")
    with pytest.raises(LocalAwsError, match="exited"):
        machines.hang(instance_id)


def test_the_next_machine_of_an_ami_never_serves_until_it_is_mended(
    account: Account, machines: Machines
) -> None:
    machines.next("break", ami_id=account.debian)

    broken = account.launch(user_data=WEB_SERVER)
    other = account.launch(user_data=WEB_SERVER)
    wait_for_page(account, other, "200")
    wait_until(lambda: account.ssh(broken, "ss -ltn | grep -c :8080 || true") == "1", "it listens")

    assert page(account, broken) == "refused"
    machines.mend(broken)
    assert page(account, broken) == "200"


def test_the_command_does_it_too(
    account: Account, local_aws_home: Home, web: str, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--home", str(local_aws_home.folder)]
    with contextlib.ExitStack() as stack:
        stack.callback(main, ["machine", web, "mend", *where])
        assert main(["machine", web, "break", *where]) == 0
        assert page(account, web) == "refused"
    assert page(account, web) == "200"

    assert main(["machine", "i-0", "kill", *where]) == 1
    assert "i-0 has no machine" in capsys.readouterr().err
    assert main(["machine", "next", "mend", *where]) == 1
    assert "machines that do not exist yet cannot mend" in capsys.readouterr().err
    assert main(["machine", web, "kill", "--count", "2", *where]) == 1
    assert "count given with" in capsys.readouterr().err


def test_troubles_await_as_many_machines_of_their_ami_and_group_as_were_said() -> None:
    next_launches = NextLaunches()
    of_ami = NextLaunch(trouble=Trouble.BREAK, ami_id="ami-1", count=2)
    of_group = NextLaunch(trouble=Trouble.HANG, group="web")
    next_launches.add(of_ami)
    next_launches.add(of_group)

    assert next_launches.take("ami-2", None) == []
    assert next_launches.take("ami-1", "web") == [of_ami, of_group]
    assert [waiting.trouble for waiting in next_launches.take("ami-1", "web")] == [Trouble.BREAK]
    assert next_launches.take("ami-1", "web") == []
