"""A virtual OCPP 2.0.1 or 2.1 charger: it names its transactions and reports them as TransactionEvents."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any

from simulator.charger import Charger, Transaction, now, samples
from simulator.command_responses import RESPONSES_2, OnCommand, report
from simulator.connection import Payload

SUBPROTOCOLS = ("ocpp2.0.1",)
ITEMS_PER_PART = 100  # of a report; with the longest values a part is still smaller than the bridge's largest message


@dataclass(eq=False)
class TransactionV2(Transaction):
    """A transaction whose id the charger assigns, and the number of its next event."""

    id: str = field(default_factory=lambda: str(uuid.uuid4()))  # type: ignore[assignment]
    next_seq_no: int = 0


class ChargerV2(Charger):
    """A charger whose connectors are EVSEs with one connector each."""

    _responses = RESPONSES_2

    def __init__(self, url: str, identity: str, key: str | bytes, **connection: Any) -> None:
        super().__init__(url, identity, key, **{"subprotocols": SUBPROTOCOLS} | connection)
        self.reports = True  # whether an accepted GetBaseReport is followed by the report

    async def boot(self, reason: str = "PowerUp") -> Payload:
        station = {"vendorName": "Polaris", "model": "Virtual"}
        return await self.call("BootNotification", {"reason": reason, "chargingStation": station})

    async def authorize(self, id_tag: str) -> str:
        answer = await self.call("Authorize", {"idToken": token(id_tag)})
        return str(answer["idTokenInfo"]["status"])

    async def status(  # type: ignore[override]
        self, connector: int, status: str, error_code: str = "NoError"
    ) -> Payload:
        payload = {"evseId": connector, "connectorId": 1, "connectorStatus": status, "timestamp": now()}
        return await self.call("StatusNotification", payload)

    async def start_transaction(
        self,
        id_tag: str,
        *,
        connector: int = 1,
        meter_start_wh: int = 0,
        type_: str = "ISO14443",
        remote_start_id: int | None = None,
    ) -> TransactionV2:
        transaction = TransactionV2(connector, id_tag, meter_start_wh, meter_start_wh)
        self.transactions[connector] = transaction
        meter = value(meter_start_wh, context="Transaction.Begin")
        evse = {"id": connector, "connectorId": 1}
        trigger, info = (
            ("Authorized", {}) if remote_start_id is None else ("RemoteStart", {"remoteStartId": remote_start_id})
        )
        answer = await self.send_event(
            transaction, "Started", trigger, info, idToken=token(id_tag, type_), evse=evse, meterValue=[meter]
        )
        transaction.status = answer["idTokenInfo"]["status"]
        return transaction

    async def meter_values(  # type: ignore[override]
        self,
        transaction: TransactionV2,
        register_wh: int,
        *,
        power_w: int | None = None,
        soc_percent: int | None = None,
        context: str = "Sample.Periodic",
    ) -> Payload:
        transaction.register_wh = register_wh
        meter = value(register_wh, power_w, soc_percent, context)
        return await self.send_event(transaction, "Updated", "MeterValuePeriodic", meterValue=[meter])

    async def state(self, transaction: TransactionV2, charging_state: str) -> Payload:
        """Report a change of the charging state."""
        return await self.send_event(transaction, "Updated", "ChargingStateChanged", {"chargingState": charging_state})

    async def stop_transaction(  # type: ignore[override]
        self, transaction: TransactionV2, *, meter_stop_wh: int | None = None, reason: str = "Local"
    ) -> Payload:
        self._mark_ended(transaction, meter_stop_wh)
        meter = value(transaction.register_wh, context="Transaction.End")
        trigger = "RemoteStop" if reason == "Remote" else "StopAuthorized"
        return await self.send_event(transaction, "Ended", trigger, {"stoppedReason": reason}, meterValue=[meter])

    async def send_event(
        self, transaction: TransactionV2, kind: str, trigger: str, info: Payload | None = None, **rest: object
    ) -> Payload:
        """Queue the transaction's next event and return its answer."""
        payload = event(transaction.id, transaction.next_seq_no, kind, trigger, info, **rest)
        transaction.next_seq_no += 1
        return await self.enqueue("TransactionEvent", lambda: payload)

    async def _respond(self, action: str, payload: Payload, message_id: str) -> None:
        if action == "RequestStopTransaction":
            await self._remote_stop(payload["transactionId"], message_id)
        elif action == "GetTransactionStatus":
            await self._answer_command(action, payload, message_id, self._transaction_status(payload))
        else:
            await super()._respond(action, payload, message_id)

    async def _answer_command(
        self, action: str, payload: Payload, message_id: str, response: OnCommand | Payload | None
    ) -> None:
        await super()._answer_command(action, payload, message_id, response)
        if action == "GetBaseReport" and response is None and self.reports:
            self._spawn(self._report(payload["requestId"]))

    async def _report(self, request_id: int) -> None:
        """Send the device model in parts."""
        data = report(self.configuration)
        parts = [data[start : start + ITEMS_PER_PART] for start in range(0, len(data), ITEMS_PER_PART)]
        for seq_no, part in enumerate(parts):
            more = {"seqNo": seq_no, "tbc": seq_no < len(parts) - 1, "reportData": part}
            await self.call("NotifyReport", {"requestId": request_id, "generatedAt": now(), **more})

    def _transaction_status(self, command: Payload) -> Payload:
        """Build the answer to GetTransactionStatus, for one transaction or, if the command names none, for all."""
        response = self.on_command.get("GetTransactionStatus")
        if isinstance(response, dict):
            return response
        transaction_id = command.get("transactionId")
        ongoing = {"ongoingIndicator": any(t.id == transaction_id for t in self.transactions.values())}
        return {"messagesInQueue": bool(self._queue)} | (ongoing if transaction_id else {})

    async def _start(self, command: Payload) -> None:
        await self.start_transaction(
            command["idToken"]["idToken"],
            connector=command.get("evseId", 1),
            type_=command["idToken"]["type"],
            remote_start_id=command["remoteStartId"],
        )


def event(
    transaction_id: str, seq_no: int, kind: str, trigger: str, info: Payload | None = None, **rest: Any
) -> Payload:
    """Build a TransactionEvent, timed as its last reading: `info` goes into its transactionInfo, `rest` beside it."""
    meter_values = rest.get("meterValue")
    return {
        "eventType": kind,
        "timestamp": meter_values[-1]["timestamp"] if meter_values else now(),
        "triggerReason": trigger,
        "seqNo": seq_no,
        "transactionInfo": {"transactionId": transaction_id, **(info or {})},
        **rest,
    }


def token(id_tag: str, type_: str = "ISO14443") -> Payload:
    return {"idToken": id_tag, "type": type_}


def value(
    register_wh: int,
    power_w: int | None = None,
    soc_percent: int | None = None,
    context: str = "Sample.Periodic",
    *,
    at: str = "",
) -> Payload:
    """Build a MeterValueType; unlike in OCPP 1.6 values are numbers and the unit is an object."""
    sampled = [
        {"value": float(v["value"]), "measurand": v["measurand"], "context": v["context"]}
        | {"unitOfMeasure": {"unit": v["unit"]}}
        for v in samples(register_wh, power_w, soc_percent, context)
    ]
    return {"timestamp": at or now(), "sampledValue": sampled}
