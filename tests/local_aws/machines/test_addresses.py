"""Which loopback address each machine gets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_aws.machines.addresses import CAPACITY, FIRST, LAST, AddressPool, NoAddressLeft, next_numbers

numbers = st.integers(min_value=FIRST, max_value=LAST)


def test_the_first_machines_get_the_first_addresses() -> None:
    assert AddressPool("127.0.7").take(2) == ["127.0.7.10", "127.0.7.11"]


def test_an_address_given_back_is_given_out_again_only_after_all_others() -> None:
    pool = AddressPool("127.0.7")
    pool.take(1)
    pool.give_back("127.0.7.10")

    assert pool.take(CAPACITY)[-1] == "127.0.7.10"


def test_the_246th_machine_is_refused_and_takes_nothing() -> None:
    pool = AddressPool("127.0.7")
    pool.take(CAPACITY - 1)

    with pytest.raises(NoAddressLeft, match="2 asked for, 1 of 245 free"):
        pool.take(2)

    assert pool.take(1) == ["127.0.7.254"]


@given(taken=st.sets(numbers), last_given=numbers, count=st.integers(min_value=0, max_value=CAPACITY))
def test_addresses_given_are_free_different_and_of_the_machines_range(
    taken: set[int], last_given: int, count: int
) -> None:
    if count > CAPACITY - len(taken):
        with pytest.raises(NoAddressLeft):
            next_numbers(taken, last_given, count)
        return

    given_numbers = next_numbers(taken, last_given, count)

    assert len(set(given_numbers)) == count
    assert not taken & set(given_numbers)
    assert all(FIRST <= number <= LAST for number in given_numbers)
