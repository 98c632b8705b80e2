"""A coroutine that runs from where it is called is done with, however it ends."""

from __future__ import annotations

import asyncio

import pytest

from ocpp_bridge.connection import eager
from tests.support.wait import WITHIN_S


@pytest.mark.field(46)
async def test_a_message_whose_handling_fails_after_waiting_is_done_with() -> None:
    loop, ended, problems = asyncio.get_running_loop(), asyncio.Event(), []
    loop.set_exception_handler(lambda _, context: problems.append(context["exception"]))

    async def handle() -> None:
        await asyncio.sleep(0)
        raise ZeroDivisionError

    assert not eager.begin(handle(), ended.set)
    await asyncio.wait_for(ended.wait(), WITHIN_S)
    await asyncio.sleep(0)
    assert [type(one) for one in problems] == [ZeroDivisionError]
