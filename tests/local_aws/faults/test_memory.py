"""What is remembered of reads, and how much."""

from __future__ import annotations

from local_aws.faults.exchange import Answer
from local_aws.faults.memory import Memory


def answer(body: bytes) -> Answer:
    """An answer with *body*."""
    return Answer(status="200 OK", headers=(), body=body)


def test_the_last_answer_to_each_read_is_remembered() -> None:
    memory = Memory()

    memory.remember("a", answer(b"1"))
    memory.remember("b", answer(b"2"))
    memory.remember("a", answer(b"3"))

    assert {key: known.body for key, known in memory.all().items()} == {"a": b"3", "b": b"2"}


def test_the_oldest_answers_are_forgotten_where_there_is_no_room() -> None:
    memory = Memory(most_bytes=10)

    memory.remember("a", answer(b"12345"))
    memory.remember("b", answer(b"12345"))
    memory.remember("c", answer(b"123"))
    memory.remember("d", answer(b"12345678901"))

    assert memory.all() == {}
    memory.remember("e", answer(b"1234567890"))
    assert set(memory.all()) == {"e"}


def test_what_was_given_out_does_not_change_afterwards() -> None:
    memory = Memory()
    memory.remember("a", answer(b"1"))

    earlier = memory.all()
    memory.remember("a", answer(b"2"))

    assert earlier["a"].body == b"1"
