"""What a machine is asked reaches its thread in order; its end is seen."""

from __future__ import annotations

import subprocess
import threading

from local_aws.machines.first_process import FirstProcess
from local_aws.machines.mailbox import Mailbox


def nothing() -> None:
    """A task."""


def something() -> None:
    """Another task."""


def test_tasks_are_taken_in_the_order_in_which_they_were_put() -> None:
    mailbox = Mailbox()
    mailbox.put(nothing)
    mailbox.put(something)

    assert [mailbox.take(), mailbox.take(), mailbox.take()] == [nothing, something, None]


def test_waiting_ends_when_another_thread_puts_a_task() -> None:
    mailbox = Mailbox()
    timer = threading.Timer(0.05, mailbox.put, [nothing])
    timer.start()

    mailbox.wait(also=None, seconds=30)

    assert mailbox.take() is nothing
    timer.join()


def test_waiting_ends_when_the_watched_process_ends() -> None:
    mailbox, first = Mailbox(), FirstProcess()
    with subprocess.Popen(["sleep", "60"]) as process:
        first.watch(process.pid)
        assert not first.has_ended()
        process.kill()

        mailbox.wait(also=first.descriptor, seconds=30)

        assert first.has_ended()
    first.forget()
    assert not first.has_ended()


def test_a_process_that_is_gone_already_has_ended() -> None:
    first = FirstProcess()
    with subprocess.Popen(["true"]) as process:
        process.wait()

    first.watch(process.pid)
    assert first.has_ended()
    first.watch(0)
    assert first.has_ended()
    first.forget()
