"""What OCPP 2.x cannot say of a command is refused in words, and nothing is sent that means something else."""

from __future__ import annotations

import pytest

from ocpp_bridge.versions.commands import CannotEncode
from ocpp_bridge.versions.v2.commands import COMMANDS_V201
from polaris.domain.commands import catalog as kinds
from polaris.domain.commands import values
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
def test_a_number_that_no_connector_has_does_not_mean_the_whole_charger(wanted: kinds.ChargerCommand) -> None:
    with pytest.raises(CannotEncode, match="no connector 1000"):
        COMMANDS_V201.encode(ClaimedCommand(1, wanted))


@pytest.mark.parametrize("wanted", [kinds.SetChargingProfile(PROFILE, 1, 5), kinds.GetTransactionStatus(5)])
def test_a_session_without_a_name_that_the_charger_knows_is_not_left_out(wanted: kinds.ChargerCommand) -> None:
    with pytest.raises(CannotEncode, match=r"began in OCPP 1\.6"):
        COMMANDS_V201.encode(ClaimedCommand(1, wanted, session=5))
    _, said = COMMANDS_V201.encode(ClaimedCommand(1, wanted, session=5, transaction_id="abc"))
    assert "'transactionId': 'abc'" in str(said)
