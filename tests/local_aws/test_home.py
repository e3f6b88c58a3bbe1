"""The file that remembers a local AWS, and what follows from it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from urllib.request import proxy_bypass

import pytest

from local_aws.environment import aws_environment
from local_aws.home import (
    Home,
    LocalAwsError,
    forget_home,
    home_name,
    new_generation,
    read_home,
    state_file,
    write_home,
)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(
        folder=tmp_path,
        name=home_name(tmp_path),
        api_port=5570,
        network="127.0.9",
        load_balancer_address="127.0.0.1",
        generation=new_generation(),
        machine_ports=(22, 80, 8080),
    )


def test_a_home_is_read_as_it_was_written(home: Home) -> None:
    write_home(home)

    assert read_home(home.folder) == home


def test_a_folder_without_a_local_aws_has_no_home(tmp_path: Path) -> None:
    assert read_home(tmp_path / "nothing") is None


def test_a_forgotten_home_is_no_longer_read(home: Home) -> None:
    write_home(home)

    forget_home(home.folder)

    assert read_home(home.folder) is None


@pytest.mark.parametrize("content", ["", "{", "[]", '{"folder": "x"}', '{"folder": 1, "api_port": "x"}'])
def test_a_state_file_that_is_not_ours_is_named_with_what_to_do(tmp_path: Path, content: str) -> None:
    state_file(tmp_path).write_text(content)

    with pytest.raises(LocalAwsError, match=r"home\.json cannot be read .* run `python -m local_aws reset`"):
        read_home(tmp_path)


def test_writing_leaves_no_temporary_file_behind(home: Home) -> None:
    write_home(home)
    write_home(home)

    assert [path.name for path in home.folder.iterdir()] == ["home.json"]


def test_two_folders_have_two_names_and_one_folder_always_the_same(tmp_path: Path) -> None:
    assert home_name(tmp_path / "a") != home_name(tmp_path / "b")
    assert home_name(tmp_path / "a") == home_name(tmp_path / "b" / ".." / "a")


def test_the_environment_names_no_ssh_port_where_machines_have_port_22(home: Home) -> None:
    direct = "127.0.0.1,localhost,127.0.0.0/8," + ",".join(home.load_balancer_addresses[1:])

    assert aws_environment(home, {}) == {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:5570",
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_POLL_DELAY_SECONDS": "1",
        "PKR_VAR_ssh_source_cidrs": '["127.0.0.0/8"]',
        "NO_PROXY": direct,
        "no_proxy": direct,
    }


def test_no_proxy_stands_between_a_local_aws_and_its_clients(home: Home) -> None:
    environment = aws_environment(home, {"no_proxy": "internal.example, localhost", "NO_PROXY": "other"})
    proxied = {"http": "http://127.0.0.1:1", "no": environment["no_proxy"]}

    assert environment["NO_PROXY"].startswith("other,internal.example,localhost,127.0.0.1,")
    for address in ("127.0.0.1", *home.load_balancer_addresses):
        assert proxy_bypass(f"{address}:80", proxied)
    assert not proxy_bypass("example.com:80", proxied)


def test_where_port_22_is_taken_2222_leads_to_it_and_packer_is_told(home: Home) -> None:
    home = replace(home, machine_ports=(2222, 80))

    assert home.published_ports() == ((2222, 22), (80, 80))
    assert aws_environment(home)["PKR_VAR_ssh_port"] == "2222"
