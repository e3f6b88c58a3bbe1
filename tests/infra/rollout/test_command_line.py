"""`python -m infra.rollout`, as a person at night and a script meet it."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from infra.rollout.__main__ import COMMANDS, main
from infra.rollout.commands.common import Exit
from infra.rollout.commands.printing import print_table
from local_aws.auto_scaling.refresh_actions import FAILURE_SECONDS_VARIABLE
from local_aws.home import REGION
from tests.local_aws.auto_scaling.conftest import (
    Account,
    ScriptedLoadBalancing,
    account,
    endpoint_url,
)

__all__ = ["account", "endpoint_url"]

PROJECT = Path(__file__).resolve().parents[3]
HELP_CPU_SECONDS = 0.5

Printed = pytest.CaptureFixture[str]


@pytest.fixture
def web(account: Account, endpoint_url: str, monkeypatch: pytest.MonkeyPatch) -> Account:
    """An account with the group web of two, and the environment that leads to it."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint_url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "local")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "local")
    monkeypatch.setenv("AWS_REGION", REGION)
    monkeypatch.setenv("AWS_POLL_DELAY_SECONDS", "0.2")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    # A busy machine takes its time, and none of these refreshes is meant to fail.
    monkeypatch.setenv(FAILURE_SECONDS_VARIABLE, "600")
    account.create_group(Tags=[{"Key": "Project", "Value": "shop", "PropagateAtLaunch": False}])
    return account


def add_image(web: Account) -> tuple[str, str]:
    """Another image, and the launch template's version with it."""
    instance = sorted(web.ids())[0]
    image: str = web.ec2.create_image(InstanceId=instance, Name="web-app-2")["ImageId"]
    web.ec2.create_tags(Resources=[image], Tags=[{"Key": "GitCommit", "Value": "4e5f6a7b8c9d"}])
    return image, web.add_version(image)


def start_baking(web: Account, version: str) -> str:
    """A refresh that has replaced all and bakes for an hour; its id."""
    started = web.start_refresh(version, BakeTime=3600)
    web.wait_for_status("Baking")
    return started


def test_every_command_has_help_with_examples_and_exit_codes(capsys: Printed) -> None:
    for name, module in COMMANDS.items():
        with pytest.raises(SystemExit) as ended:
            main([name, "--help"])

        printed = capsys.readouterr().out
        assert ended.value.code == Exit.DONE
        assert f"python -m infra.rollout {name}" in printed.split("examples:")[1]
        assert module.EXIT_CODES in printed
        assert all(option in printed for option in ("--region", "--profile", "--json"))


def test_help_loads_neither_pulumi_nor_an_aws_client_and_is_there_at_once() -> None:
    script = (
        "import sys; sys.argv[1:] = ['--help']\n"
        "from infra.rollout.__main__ import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "sys.exit(', '.join({'pulumi', 'boto3', 'botocore', 'rich'} & set(sys.modules)) or 0)"
    )
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    result = subprocess.run(
        [sys.executable, "-c", script], cwd=PROJECT, capture_output=True, text=True, check=False, timeout=60
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)

    assert result.returncode == 0, result.stderr
    assert "rollback" in result.stdout
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < HELP_CPU_SECONDS


def test_no_command_needs_pulumi() -> None:
    """Whoever is paged need not be able to deploy."""
    modules = "looking, infra.rollout.watching, infra.rollout.advice"
    script = (
        f"import sys; sys.modules['pulumi'] = None\nimport infra.rollout.__main__, infra.rollout.{modules}"
    )

    subprocess.run([sys.executable, "-c", script], cwd=PROJECT, check=True, timeout=60)


def test_status_during_a_refresh_and_after_it_as_a_user_types_it(web: Account) -> None:
    image, version = add_image(web)

    def type_status(*options: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "infra.rollout", "status", "web", *options]
        return subprocess.run(
            command, cwd=PROJECT, env=os.environ, capture_output=True, text=True, check=False, timeout=60
        )

    started = start_baking(web, version)
    during = type_status("--region", REGION)
    web.scaling.cancel_instance_refresh(AutoScalingGroupName="web")
    web.wait_for_status("Cancelled")
    after = type_status("--json")

    assert (during.returncode, during.stderr) == (Exit.RUNNING, "")
    assert f"web ({REGION}): refreshing" in during.stdout
    assert started in during.stdout
    assert "Baking, 100 %, 2 of 2 instances replaced" in during.stdout
    assert f"target {image} web-app-2 (commit 4e5f6a7)" in during.stdout
    command = f"python -m infra.rollout rollback web --region {REGION}"
    assert f"turn it back to {web.image_id}: {command}" in during.stdout
    assert (after.returncode, after.stderr) == (Exit.ASTRAY, "")
    answer = json.loads(after.stdout)
    assert (answer["state"], answer["on_target"], answer["healthy"]) == ("astray", 0, 2)
    assert answer["running"] is None
    assert [one["status"] for one in answer["refreshes"]] == ["Cancelled"]
    assert any(f"pulumi config set pinnedAmi {web.image_id}" in line for line in answer["advice"])


def test_a_group_that_is_well_leaves_nothing_to_do(web: Account, capsys: Printed) -> None:
    assert main(["status", "we"]) == Exit.DONE

    printed = capsys.readouterr().out
    assert printed.startswith(f"web ({REGION}): steady\n")
    assert "2 desired, 2 in service, 2 healthy" in printed
    assert all(name in printed for name in web.ids())
    assert printed.endswith("nothing to do\n")


def test_an_unhealthy_instance_is_told_with_its_reason_and_where_its_console_is(
    web: Account, capsys: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = sorted(web.ids())[1]
    web.scaling.suspend_processes(AutoScalingGroupName="web", ScalingProcesses=["HealthCheck"])
    monkeypatch.setitem(ScriptedLoadBalancing.verdicts, bad, "unhealthy")

    assert main(["status", "web"]) == Exit.ASTRAY

    printed = capsys.readouterr().out
    assert "unhealthy (Target.FailedHealthChecks: Health checks failed)" in printed
    assert f"--region {REGION} --instance-id {bad}" in printed


def test_without_a_group_there_is_a_row_for_each_that_has_the_tag(web: Account, capsys: Printed) -> None:
    web.create_group("not-ours", DesiredCapacity=1)
    start_baking(web, "2")

    assert main(["status"]) == Exit.RUNNING

    printed = capsys.readouterr().out.splitlines()
    assert printed[1].split()[:5] == ["web", web.image_id, "2", "2/2", "2/2"]
    assert "Baking, 100 %" in printed[1]
    assert printed[2:] == [f"{REGION}: 1 group with the tag Project"]
    assert main(["status", "--json"]) == Exit.RUNNING
    assert [one["group"] for one in json.loads(capsys.readouterr().out)] == ["web"]


def test_a_part_of_several_names_is_refused_and_no_part_of_any_names_the_nearest(
    web: Account, capsys: Printed
) -> None:
    web.create_group("web-b", DesiredCapacity=1)

    assert main(["status", "we"]) == Exit.FAILED
    assert capsys.readouterr().err == (
        f"we is part of the names of 2 groups in {REGION}: web, web-b · part of one was expected · give more "
        "of the name\n"
    )
    assert main(["status", "wbe"]) == Exit.FAILED
    assert "the nearest: web, web-b" in capsys.readouterr().err


def test_watch_follows_to_the_end_and_says_each_change(web: Account, capsys: Printed) -> None:
    started = web.start_refresh("2", BakeTime=2)

    assert main(["watch", "web", "--json"]) == Exit.DONE

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {line["refresh_id"] for line in lines} == {started}
    assert (lines[-1]["status"], lines[-1]["percentage_complete"]) == ("Successful", 100)
    assert main(["watch", "web"]) == Exit.DONE
    assert f"is running; the last, {started} to launch template version 2, ended Successful" in (
        capsys.readouterr().out
    )


def test_a_refresh_that_ends_badly_is_told_with_the_failing_instance(
    web: Account, capsys: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    ScriptedLoadBalancing.bad_versions.add("2")
    looks: list[float] = []

    def turn_back_after_some_looks(seconds: float) -> None:
        looks.append(seconds)
        if len(looks) == 10:
            web.scaling.rollback_instance_refresh(AutoScalingGroupName="web")
        time.sleep(seconds)

    monkeypatch.setattr("infra.rollout.watching.sleep", turn_back_after_some_looks)
    web.start_refresh("2")

    assert main(["watch", "web"]) == Exit.ASTRAY

    last = capsys.readouterr().out.splitlines()[-1]
    assert "ended RollbackSuccessful at " in last
    assert "; first failing instance i-" in last


def test_interrupting_the_watching_leaves_the_refresh_alone(
    web: Account, capsys: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = start_baking(web, "2")

    def interrupt(_seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("infra.rollout.watching.sleep", interrupt)

    assert main(["watch", "web"]) == Exit.INTERRUPTED

    assert capsys.readouterr().err == (
        f"no longer watching · refresh {started} of web goes on · python -m infra.rollout watch web\n"
    )
    assert web.refresh()["Status"] == "Baking"


def test_cancel_without_a_terminal_needs_yes_and_then_says_what_stays(web: Account, capsys: Printed) -> None:
    image, version = add_image(web)
    started = start_baking(web, version)

    assert main(["cancel", "web"]) == Exit.USAGE
    assert "pass --yes" in capsys.readouterr().err
    assert web.refresh()["Status"] == "Baking"
    assert main(["cancel", "web", "--yes"]) == Exit.DONE

    printed = capsys.readouterr()
    assert f"{started} to launch template version {version}, ended Cancelled" in printed.out
    assert f"left as they are: instances of web: 2 run {image}" in printed.err
    assert main(["cancel", "web", "--yes"]) == Exit.DONE
    assert "no instance refresh of web is running" in capsys.readouterr().out


def test_cancel_asks_at_a_terminal(web: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    start_baking(web, "2")
    answers = iter(["\n", "y\n"])
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(sys.stdin, "readline", lambda: next(answers), raising=False)

    assert main(["cancel", "web", "--no-wait"]) == Exit.FAILED
    assert web.refresh()["Status"] == "Baking"

    assert main(["cancel", "web", "--no-wait"]) == Exit.DONE
    assert web.refresh()["Status"].startswith("Cancel")


def test_rollback_turns_a_baking_refresh_back_and_a_finished_one_gets_the_commands(
    web: Account, capsys: Printed
) -> None:
    image, version = add_image(web)
    web.ec2.create_tags(Resources=[web.image_id], Tags=[{"Key": "VerifiedIn:dev", "Value": "now"}])
    start_baking(web, version)

    assert main(["rollback", "web"]) == Exit.DONE
    printed = capsys.readouterr()
    assert f"turns back to {web.image_id}" in printed.err
    assert f"instances of web: 2 run {web.image_id}" in printed.err
    assert "ended RollbackSuccessful" in printed.out
    web.start_refresh(version)
    web.wait_for_status("Successful")

    assert main(["rollback", "web"]) == Exit.FAILED
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    assert "AWS cannot roll back a finished refresh" in line
    assert (
        f"launches {image} · to go back to the image before: pulumi config set pinnedAmi {web.image_id}"
        in line
    )


@pytest.mark.parametrize(("command", "status"), [("cancel", "Cancel"), ("rollback", "Rollback")])
def test_an_end_that_is_not_waited_for_is_told_to_programs(
    web: Account, capsys: Printed, command: str, status: str
) -> None:
    started = start_baking(web, "2")
    yes = ["--yes"] if command == "cancel" else []

    assert main([command, "web", *yes, "--no-wait", "--json"]) == Exit.DONE

    answer = json.loads(capsys.readouterr().out)
    assert answer["refresh_id"] == started
    assert answer["status"].startswith(status)
    assert answer["line"].startswith(f"web: refresh {started} is {status}")


def test_a_refresh_that_aws_cannot_turn_back_is_one_line_with_the_way_that_there_is(
    web: Account, capsys: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    start_baking(web, "2")

    def refuse(_account: object, _name: str) -> None:
        raise ClientError(
            {"Error": {"Code": "IrreversibleInstanceRefresh", "Message": "No desired configuration."}},
            "RollbackInstanceRefresh",
        )

    monkeypatch.setattr("infra.rollout.account.Account.rollback", refuse)

    assert main(["rollback", "web"]) == Exit.FAILED

    line = capsys.readouterr().err
    assert line.startswith(
        "the instance refresh of web cannot be turned back (IrreversibleInstanceRefresh: No"
    )
    assert line.count("\n") == 1
    assert "pulumi config set pinnedAmi AMI_ID" in line
    assert "goes on" not in line


def test_what_goes_wrong_is_one_line(
    web: Account, capsys: Printed, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def complaint(*arguments: str) -> str:
        assert main(["status", "web", *arguments]) == Exit.FAILED
        line = capsys.readouterr().err
        assert line.count("\n") == 1
        return line

    assert web.ids()
    assert "(nobody) could not be found" in complaint("--profile", "nobody")
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    assert "no AWS region is set" in complaint()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    line = complaint("--region", REGION)
    assert "does not take the credentials for web" in line
    assert "run python -m infra.rollout status again" in line


@pytest.mark.parametrize(("columns", "is_drawn"), [("60", True), ("30", False)])
def test_a_table_is_drawn_on_a_terminal_that_has_room_for_it(
    monkeypatch: pytest.MonkeyPatch, capsys: Printed, columns: str, is_drawn: bool
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)

    print_table(("Instance", "Health"), [("i-0123456789abcdef0", "[red] is no colour here")])

    printed = capsys.readouterr().out
    assert "[red] is no colour here" in printed
    assert ("┏" in printed) == is_drawn
