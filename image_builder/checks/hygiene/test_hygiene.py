"""What is looked at in every image: nothing of the machine that it was built on may be left in it.

The machine has just booted for the first time. It has this run's own login, and what a boot makes; all
else is the image's.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable

import pytest
from testinfra.host import Host

from image_builder.checks import Image
from image_builder.checks.hygiene.secrets import CREDENTIAL_FILES, MADE_AT_BOOT, PATTERNS, PLACES

_CLOCK_SECONDS = 30
"""How far a clock may be set right while a machine boots; what a build left is older by more."""
PENDING_UPGRADES = "/usr/share/image/pending-upgrades.txt"
"""Where a build that removes apt's lists writes down first what they offer beyond what is installed."""


def lines_of(host: Host, script: str) -> list[str]:
    """What *script* prints on the machine, which must not fail."""
    return [line for line in host.check_output("sh -c %s", script).splitlines() if line]


def require_none(found: Iterable[str], what: str) -> None:
    """Fail with *what* was found, unless nothing was."""
    told = ", ".join(sorted(found))
    assert not told, f"{what}: {told}"


def homes(host: Host) -> list[str]:
    """The home of everybody, root among them."""
    found = lines_of(host, "getent passwd | cut -d: -f6 | sort -u")
    return [home for home in found if home not in ("/", "/nonexistent", "/dev/null")]


def older_than_the_boot(host: Host, *patterns: str) -> list[str]:
    """The files at *patterns* that were there before the machine started."""
    files = lines_of(host, f"stat --format '%Y %n' {' '.join(patterns)} 2>/dev/null || true")
    # The age of the first process: of a machine, and also where several share a kernel.
    now, age = lines_of(host, "date +%s; ps -o etimes= -p 1")
    boot = int(now) - int(age) - _CLOCK_SECONDS
    return [file.partition(" ")[2] for file in files if int(file.partition(" ")[0]) < boot]


def test_nobody_but_this_run_can_log_in_with_a_key(host: Host, image: Image) -> None:
    keys = lines_of(
        host,
        "find / -xdev -path /proc -prune -o -type f -name 'authorized_keys*' -size +0 -print0 "
        "| xargs -0 -r grep -HEv '^[[:space:]]*(#|$)' || true",
    )

    others = {line.partition(":")[0] for line in keys if image.login_key.split()[1] not in line}
    require_none(others, "keys of somebody else can log in")


def test_nobody_can_log_in_without_a_key(host: Host) -> None:
    empty = lines_of(host, "getent shadow | awk -F: '$2 == \"\" { print $1 }'")

    require_none(empty, "users with an empty password")


def test_the_host_keys_were_made_at_this_boot(host: Host) -> None:
    require_none(older_than_the_boot(host, "/etc/ssh/ssh_host_*_key"), "host keys in the image")


def test_the_machine_id_was_made_at_this_boot(host: Host) -> None:
    require_none(older_than_the_boot(host, "/etc/machine-id"), "all machines of the image would have one id")


def test_there_is_no_history_of_a_shell(host: Host) -> None:
    names = "-name '.*_history' -o -name .lesshst -o -name .viminfo -o -name .wget-hsts"
    found = [
        path
        for home in homes(host)
        for path in lines_of(
            host, f"find {shlex.quote(home)} -xdev -maxdepth 1 '(' {names} ')' 2>/dev/null || true"
        )
    ]

    require_none(found, "histories in the image")


def test_cloud_init_knows_of_no_other_machine(host: Host) -> None:
    here = lines_of(host, "basename $(readlink -f /var/lib/cloud/instance) 2>/dev/null || true")
    known = lines_of(host, "ls /var/lib/cloud/instances 2>/dev/null || true")
    before = lines_of(host, "cat /var/lib/cloud/data/previous-instance-id 2>/dev/null || true")

    others = {*known, *before} - {*here, "NO_PREVIOUS_INSTANCE_ID"}
    require_none(others, "cloud-init ran on other machines, run `cloud-init clean` at the end of the build")


def test_there_are_no_credentials_of_the_build(host: Host) -> None:
    paths = " ".join(shlex.quote(f"{home}/{name}") for home in homes(host) for name in CREDENTIAL_FILES)

    require_none(lines_of(host, f"ls -d {paths} 2>/dev/null || true"), "credentials in the image")


def test_nothing_looks_like_a_secret(host: Host) -> None:
    everything = shlex.quote("|".join(f"({pattern})" for pattern in PATTERNS.values()))
    files = lines_of(
        host,
        f"ls -d {PLACES} 2>/dev/null "
        f"| xargs -r grep --recursive --files-with-matches --devices=skip -siE {everything} || true",
    )
    allowed = lines_of(host, f"ls {' '.join(MADE_AT_BOOT)} 2>/dev/null || true")

    # Never what was found: it would be in the log.
    found = [f"{kind} in {file}" for file in files if file not in allowed for kind in kinds_in(host, file)]
    require_none(found, "in the image")


def kinds_in(host: Host, file: str) -> list[str]:
    """The kinds of secrets in *file*."""
    return [
        kind for kind, pattern in PATTERNS.items() if host.run("grep -qiE -e %s %s", pattern, file).rc == 0
    ]


def test_every_package_is_whole(host: Host) -> None:
    if not host.exists("dpkg"):
        pytest.skip("no dpkg here")

    require_none(lines_of(host, "dpkg --audit"), "packages are not installed as they should be")


def test_every_update_is_installed_that_the_build_knew_of(host: Host) -> None:
    if not host.exists("apt-get"):
        pytest.skip("no apt here")

    # The archive itself is not asked: a package that came out since the build is no fault of the image, and
    # the machine may have no way to the internet. Where the build wrote down what it left out, that is it;
    # else what is left of apt's lists tells.
    simulated = "apt-get --simulate --quiet --quiet upgrade | sed -n 's/^Inst //p'"
    require_none(
        lines_of(host, f"if [ -e {PENDING_UPGRADES} ]; then cat {PENDING_UPGRADES}; else {simulated}; fi"),
        "updates that the build left out",
    )


def test_the_newest_kernel_of_the_image_runs(host: Host) -> None:
    kernels = lines_of(host, "ls /boot/vmlinuz-* 2>/dev/null | sort --version-sort || true")

    running = f"/boot/vmlinuz-{host.check_output('uname -r')}"
    newer = kernels[-1:] if kernels[-1:] != [running] else []
    require_none(newer, f"{running} runs, and newer is")


def test_every_service_started_at_boot(host: Host) -> None:
    if not host.exists("systemctl"):
        pytest.skip("no systemd here")

    failed = lines_of(host, "systemctl list-units --state=failed --plain --no-legend | cut -d' ' -f1")
    why = [line for unit in failed for line in lines_of(host, f"journalctl -q -n 3 -o cat -u {unit} || true")]
    require_none(failed, f"failed, their last words: {' | '.join(why)}")
