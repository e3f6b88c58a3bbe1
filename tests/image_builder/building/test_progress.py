"""What Packer prints, made readable."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from image_builder.building.progress import Throttle, elapsed, is_shown, read_failure, readable, step_of

FAILED_IN_SHELL = """\
==> amazon-ebs.web: Prevalidating AMI Name: web-1
==> amazon-ebs.web: Uploading app/ => /tmp/app
==> amazon-ebs.web: Provisioning with shell script: provision/install.sh
==> amazon-ebs.web: Reading package lists...
==> amazon-ebs.web: E: Unable to locate package nginks
==> amazon-ebs.web: Provisioning step had errors: Running the cleanup provisioner, if present...
==> amazon-ebs.web: Terminating the source AWS instance...
==> amazon-ebs.web: Deleting temporary keypair...
Build 'amazon-ebs.web' errored after 12 seconds: Script exited with non-zero exit status: 100. \
Allowed exit codes are: [0]

==> Wait completed after 12 seconds 3 milliseconds

==> Some builds didn't complete successfully and had errors:
--> amazon-ebs.web: Script exited with non-zero exit status: 100. Allowed exit codes are: [0]

==> Builds finished but no artifacts were created.
"""
FAILED_AFTERWARDS = """\
==> amazon-ebs.web: AMI: ami-0a
==> amazon-ebs.web: Running post-processor:  (type shell-local)
==> amazon-ebs.web (shell-local): checking
Build 'amazon-ebs.web' errored after 169 milliseconds: 1 error(s) occurred:

* Post-processor failed: Script exited with non-zero exit status: 4. Allowed exit codes are: [0]

==> Some builds didn't complete successfully and had errors:
--> amazon-ebs.web: 1 error(s) occurred:

* Post-processor failed: Script exited with non-zero exit status: 4. Allowed exit codes are: [0]
"""
INVALID = """\
Error: Unknown variable

  on t.pkr.hcl line 22:
  (source code not available)

There is no variable named "nonsense".
"""


def test_a_failed_provisioner_is_named_with_its_exit_code_and_last_words() -> None:
    failure = read_failure(FAILED_IN_SHELL.splitlines())

    assert failure.provisioner == "shell"
    assert failure.exit_code == 100
    assert failure.cause == "Script exited with non-zero exit status: 100. Allowed exit codes are: [0]"
    assert failure.last_lines[-2:] == ("Reading package lists...", "E: Unable to locate package nginks")
    assert "Terminating the source AWS instance..." not in failure.last_lines


def test_a_failed_post_processor_is_no_failed_provisioner() -> None:
    failure = read_failure(FAILED_AFTERWARDS.splitlines())

    assert failure.provisioner == ""
    assert failure.cause.startswith("Post-processor failed: Script exited with non-zero exit status: 4")
    assert failure.last_lines[-1] == "checking"


def test_a_template_that_packer_refuses_fails_with_all_it_said() -> None:
    failure = read_failure(INVALID.splitlines())

    assert failure.cause == ""
    assert failure.last_lines == (
        "Error: Unknown variable",
        "on t.pkr.hcl line 22:",
        "(source code not available)",
        'There is no variable named "nonsense".',
    )


@given(lines=st.lists(st.text()))
def test_garbage_is_some_failure_of_single_lines(lines: list[str]) -> None:
    failure = read_failure(lines)

    assert all(len(line.splitlines()) == 1 and "\x1b" not in line for line in failure.last_lines)


def test_a_step_is_shown_without_its_prefix_and_colours() -> None:
    assert step_of("\x1b[1;32m==> amazon-ebs.web: Launching a source AWS instance...\x1b[0m") == (
        "Launching a source AWS instance..."
    )
    assert step_of("    amazon-ebs.web: Get:1 http://db.example.org") == "Get:1 http://db.example.org"
    assert step_of("==> amazon-ebs.web (shell-local): checking") == "checking"
    assert step_of("Build 'amazon-ebs.web' finished after 2 seconds.") == ""
    assert readable("a\x07b\rc\n") == "abc"


def test_steps_that_nobody_waits_for_are_not_shown() -> None:
    assert not is_shown('Adding tag: "Name": "web"')
    assert not is_shown("")
    assert is_shown("Launching a source AWS instance...")


def test_a_quiet_build_is_shown_in_full() -> None:
    throttle = Throttle(burst=5, seconds_per_line=3)

    assert [throttle.admit("x", second) for second in range(0, 300, 3)] == ["x"] * 100


def test_of_a_flood_a_line_is_shown_now_and_then_with_the_number_left_out() -> None:
    throttle = Throttle(burst=2, seconds_per_line=10)

    shown = [throttle.admit(str(number), number / 10) for number in range(300)]

    assert shown[:3] == ["0", "1", ""]
    assert sum(map(bool, shown)) <= 5
    assert any(line.endswith("lines before it, in the log)") for line in shown)


def test_elapsed_time_is_minutes_and_seconds() -> None:
    assert [elapsed(0), elapsed(65.9), elapsed(3600)] == ["0:00", "1:05", "60:00"]
