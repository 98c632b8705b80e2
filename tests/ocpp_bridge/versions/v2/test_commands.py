"""What OCPP 2.x cannot say of a command is refused in words, and nothing is sent that means something else."""

from __future__ import annotations

import pytest

from ocpp_bridge import ocppj
from ocpp_bridge.ocppj import Answer
from ocpp_bridge.versions.commands import CannotEncode, CommandEncoder
from ocpp_bridge.versions.v2.commands import COMMANDS_V201
from ocpp_bridge.versions.v16.commands import COMMANDS
from polaris.domain.commands import catalog as kinds
from polaris.domain.commands import values
from polaris.domain.enums import RequestEvent
from polaris.ingest import ClaimedCommand

NO_EVSE = 1000  # would be EVSE 0, the whole charger
PROFILE = values.ChargingProfile(
    id=1, purpose=values.Purpose.SESSION, unit=values.Unit.WATTS, periods=(values.Period(starts_s=0, limit=11_000),)
)


@pytest.mark.parametrize(
    "wanted",
    [
        kinds.SetAvailability(values.Availability.UNAVAILABLE, NO_EVSE),
        kinds.SetChargingProfile(PROFILE, NO_EVSE),
        kinds.ClearChargingProfile(connector=NO_EVSE),
        kinds.Unlock(NO_EVSE),
    ],
    ids=lambda wanted: type(wanted).__name__,
)
def test_missing_connector_is_not_whole_charger(wanted: kinds.ChargerCommand) -> None:
    with pytest.raises(CannotEncode, match="no connector 1000"):
        COMMANDS_V201.encode(ClaimedCommand(1, wanted))


@pytest.mark.parametrize("wanted", [kinds.SetChargingProfile(PROFILE, 1, 5), kinds.GetTransactionStatus(5)])
def test_unnamed_session_refused(wanted: kinds.ChargerCommand) -> None:
    with pytest.raises(CannotEncode, match=r"began in OCPP 1\.6"):
        COMMANDS_V201.encode(ClaimedCommand(1, wanted, session=5))
    _, said = COMMANDS_V201.encode(ClaimedCommand(1, wanted, session=5, transaction_id="abc"))
    assert "'transactionId': 'abc'" in str(said)


def test_stop_sent_with_long_transaction_id() -> None:
    claimed = ClaimedCommand(1, kinds.StopCharging(), session=5, transaction_id="x" * 40)
    assert COMMANDS_V201.encode(claimed) == ("RequestStopTransaction", {"transactionId": "x" * 40})
    begun_in_1_6 = ClaimedCommand(1, kinds.StopCharging(), session=5)
    assert COMMANDS_V201.encode(begun_in_1_6) == ("RequestStopTransaction", {"transactionId": "5"})


@pytest.mark.parametrize(
    ("payload", "event"),
    [
        ({"status": "Accepted"}, RequestEvent.ACCEPTED),
        ({"status": "Rejected"}, RequestEvent.REJECTED),
        ({"status": "Unknown"}, RequestEvent.ERROR),
        ({"status": "Scheduled"}, RequestEvent.ERROR),
        ({}, RequestEvent.ERROR),
        ([], RequestEvent.ERROR),
    ],
)
@pytest.mark.parametrize("commands", [COMMANDS, COMMANDS_V201])
def test_stop_answer_read(commands: CommandEncoder, payload: object, event: RequestEvent) -> None:
    assert commands.result(kinds.StopCharging(), Answer("1", payload)).event is event


@pytest.mark.parametrize(
    ("frame", "status", "answer"),
    [
        (
            '[4,"1","InternalError","Cable is locked, ask Bob",{"x":"detail-xyz"}]',
            "InternalError (Cable is locked, ask Bob)",
            {"x": "detail-xyz"},
        ),
        ('[4,"1","GenericError","see ftp://bob:geheim@a.example/f\\n",{"password":"geheim"}]', None, None),
        ('[4,"1","GenericError"]', "GenericError", {}),
        ('[4,"1","GenericError",7,["x"]]', "GenericError", {"answer": ["x"]}),
        (f'[4,"1","GenericError","{"x" * 999}",{{}}]', f"GenericError ({'x' * 149}…)", {}),
    ],
)
@pytest.mark.parametrize("commands", [COMMANDS, COMMANDS_V201])
def test_error_keeps_the_chargers_words(
    commands: CommandEncoder, frame: str, status: str | None, answer: dict[str, object] | None
) -> None:
    decoded = ocppj.decode(frame, (2, 3, 4))
    assert isinstance(decoded, Answer)
    result = commands.result(kinds.Reset(), decoded)
    assert result.event is RequestEvent.ERROR
    assert "geheim" not in f"{result.status} {result.answer}"
    assert result.status.isprintable()
    if status is not None:
        assert (result.status, result.answer) == (status, answer)
