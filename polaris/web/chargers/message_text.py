"""Owns how a charger's messages read in plain words: an exchange in, a sentence and what became of it out.

The common Actions of OCPP 1.6 and 2.x have words of their own; any other is called by its name. What a charger wrote is
quoted, short, and escaped by the templates as any text is.
"""

from __future__ import annotations

import html
from collections.abc import Callable

from flask import Flask
from flask_babel import gettext
from markupsafe import Markup

from polaris.domain import metering
from polaris.domain.metering import Sample
from polaris.models.database import EPOCH
from polaris.ocpp_log.exchange import Exchange, Kind
from polaris.ocpp_log.message import CALLERROR, CALLRESULT, CALLRESULTERROR, Message, Said, printable
from polaris.rendering.filters import kw, kwh

GOOD = ("Accepted", "Scheduled", "Unlocked", "RebootRequired", "Downloaded", "Installed")
MAX_RAW_LENGTH = 700  # characters of a frame on a page
PLACES = 1000  # a connector that is not its EVSE's first is numbered beyond this (OCPP 2.x)


def register(app: Flask) -> None:
    """Add the filters to the app's Jinja environment."""
    for filter_ in (sentence, outcome, is_bad, raw, protocol):
        app.add_template_filter(filter_)


def sentence(exchange: Exchange) -> str:
    """What was said."""
    if exchange.kind is Kind.OPENED:
        return gettext("Connected with %(protocol)s", protocol=protocol(exchange.frame) or gettext("no known protocol"))
    if exchange.kind is Kind.CLOSED:
        return gettext("Connection ended")
    message = exchange.message
    if message is None:
        return gettext("Something that is no OCPP message")
    if message.type in (CALLERROR, CALLRESULTERROR):
        return gettext("A refusal of an earlier message: %(code)s", code=message.code)
    if message.type == CALLRESULT:
        return gettext("An answer to an earlier message")
    words = _FROM_CHARGER if exchange.kind is Kind.FROM_CHARGER else _TO_CHARGER
    told = words.get(message.action) or _EITHER.get(message.action)
    return told(message.payload) if told is not None else message.action or gettext("A message without a name")


def outcome(exchange: Exchange) -> str:
    """What was answered, "" where there is nothing to be said of it."""
    answer = exchange.answer
    if answer is None:
        return gettext("no answer yet") if exchange.wants_answer else ""
    if answer.type == CALLERROR:
        refused = gettext("refused: %(code)s", code=answer.code or "?")
        return f"{refused} ({answer.description})" if answer.description else refused
    number = answer.payload.number("transactionId")
    status = _status(answer)
    if number > 0 and exchange.message is not None and exchange.message.action == "StartTransaction":
        return gettext("session %(number)s, %(status)s", number=number, status=status)
    return status


def is_bad(exchange: Exchange) -> bool:
    """Whether somebody should look: a refusal, a fault, what is no message."""
    if exchange.kind in (Kind.OPENED, Kind.CLOSED):
        return False
    message, answer = exchange.message, exchange.answer
    if message is None or message.code:
        return True
    if message.action == "StatusNotification" and "Faulted" in message.payload.text("status", "connectorStatus"):
        return True
    return answer is not None and (answer.type == CALLERROR or _status(answer) not in ("", *GOOD))


def protocol(subprotocol: str) -> str:
    """The protocol as people call it: "OCPP 1.6"."""
    return f"OCPP {subprotocol[4:]}" if subprotocol.startswith("ocpp") else printable(subprotocol[:20])


def raw(frame: str) -> Markup:
    """A frame as it was sent, on one line and bounded. It goes between tags, where quotation marks may stay."""
    shown = printable(frame[:MAX_RAW_LENGTH])
    if len(frame) > MAX_RAW_LENGTH:
        shown = gettext("%(beginning)s… and more", beginning=shown)
    return Markup(html.escape(shown, quote=False))  # noqa: S704 - escaped


def _status(answer: Message) -> str:
    said = answer.payload
    return said.inner("idTagInfo").text("status") or said.inner("idTokenInfo").text("status") or said.text("status")


def _list(*parts: str) -> str:
    return ", ".join(part for part in parts if part)


def _with(words: str, more: str) -> str:
    return f"{words}: {more}" if more else words


def _place(said: Said) -> str:
    """Which connector is meant, "" for none."""
    number = said.number("connectorId")
    evse = said.number("evseId") or said.number("evseID") or said.inner("evse").number("id")
    if evse > 0:
        number = evse + PLACES * max(0, (number or said.inner("evse").number("connectorId")) - 1)
    return gettext("Connector %(number)s", number=number) if number > 0 else ""


def _at_place(words: str, said: Said) -> str:
    place = _place(said)
    return f"{place}: {words}" if place else words


def _card(said: Said) -> str:
    return said.text("idTag") or said.inner("idToken").text("idToken")


def _transaction(said: Said) -> str:
    return said.text("transactionId") or said.inner("transactionInfo").text("transactionId")


def _figures(said: Said) -> str:
    """The newest reading of a message: "12.34 kWh, 7.2 kW, 44 %"."""
    values = said.each("meterValue") or said.each("transactionData")
    if not values:
        return ""
    reading = metering.reading(EPOCH, [_sample(one) for one in values[-1].each("sampledValue")])
    if reading is None:
        return ""
    energy_wh = reading.interval_wh if reading.register_wh is None else reading.register_wh
    return _list(
        "" if energy_wh is None else f"{kwh(energy_wh)} kWh",
        "" if reading.power_w is None else f"{kw(reading.power_w)} kW",
        "" if reading.soc_percent is None else f"{reading.soc_percent} %",
    )


def _sample(said: Said) -> Sample:
    unit = said.inner("unitOfMeasure")
    power = unit.number("multiplier")
    value = said.text("value")
    return Sample(
        f"{value}e{power}" if power and abs(power) <= 12 else value,
        said.text("measurand"),
        said.text("unit") or unit.text("unit"),
        said.text("phase"),
        said.text("context"),
        said.text("location"),
        said.text("format"),
    )


def _boot(said: Said) -> str:
    station = said.inner("chargingStation")
    maker = said.text("chargePointVendor") or station.text("vendorName")
    model = said.text("chargePointModel") or station.text("model")
    firmware = said.text("firmwareVersion") or station.text("firmwareVersion")
    named = " ".join(part for part in (maker, model) if part)
    return _with(gettext("Started up"), _list(named, firmware and gettext("firmware %(name)s", name=firmware)))


def _status_of_connector(said: Said) -> str:
    status = said.text("status", "connectorStatus") or "?"
    error = said.text("errorCode")
    info = _list("" if error == "NoError" else error, said.text("vendorErrorCode"), said.text("info"))
    return f"{_place(said) or gettext('The charger')}: {status}" + (f" ({info})" if info else "")


def _metered(said: Said) -> str:
    return _with(_at_place(gettext("Meter reading"), said), _figures(said))


def _begun(said: Said) -> str:
    meter_wh = said.number("meterStart")
    words = gettext("Session begun with card %(card)s at %(kwh)s kWh", card=_card(said), kwh=kwh(meter_wh))
    return _at_place(words, said)


def _ended(said: Said) -> str:
    words = gettext("Session %(number)s ended", number=_transaction(said) or "?")
    return _with(words, _list(said.text("reason") or "Local", f"{kwh(said.number('meterStop'))} kWh"))


def _event(said: Said) -> str:
    """OCPP 2.x: the beginning, a change or the end of a transaction."""
    info = said.inner("transactionInfo")
    words = {
        "Started": gettext("Session begun"),
        "Updated": gettext("Session goes on"),
        "Ended": gettext("Session ended"),
    }.get(said.text("eventType"), gettext("Session"))
    details = _list(
        info.text("stoppedReason") or info.text("chargingState") or said.text("triggerReason"),
        _figures(said),
        gettext("sent later") if said.value.get("offline") is True else "",
    )
    return _with(_at_place(words, said), details)


def _named(words: Callable[[], str], *names: str) -> Callable[[Said], str]:
    """Words, and the value of the first of these fields."""
    return lambda said: _at_place(_with(words(), said.text(*names)), said)


def _of_session(words: Callable[[], str]) -> Callable[[Said], str]:
    return lambda said: f"{words()} {_transaction(said)}"


def _variables(words: Callable[[], str], field: str) -> Callable[[Said], str]:
    """Words, and the names of the variables or keys meant."""

    def told(said: Said) -> str:
        names = [one.inner("variable").text("name") for one in said.each(field)][:5]
        keys = said.value.get("key")
        if isinstance(keys, list):
            names += [printable(key[:50]) for key in keys[:5] if isinstance(key, str)]
        return _with(words(), _list(*names) or said.text("key"))

    return told


_FROM_CHARGER: dict[str, Callable[[Said], str]] = {
    "BootNotification": _boot,
    "Heartbeat": lambda _: gettext("Heartbeat"),
    "StatusNotification": _status_of_connector,
    "Authorize": lambda said: gettext("Card %(card)s was shown", card=_card(said) or "?"),
    "StartTransaction": _begun,
    "StopTransaction": _ended,
    "MeterValues": _metered,
    "TransactionEvent": _event,
    "DiagnosticsStatusNotification": _named(lambda: gettext("Diagnostics"), "status"),
    "FirmwareStatusNotification": _named(lambda: gettext("Firmware"), "status"),
    "PublishFirmwareStatusNotification": _named(lambda: gettext("Firmware for others"), "status"),
    "LogStatusNotification": _named(lambda: gettext("Its own log"), "status"),
    "SecurityEventNotification": _named(lambda: gettext("Security event"), "type"),
    "SignCertificate": lambda _: gettext("Asks for a certificate to be signed"),
    "Get15118EVCertificate": lambda _: gettext("Asks for a car's certificate"),
    "GetCertificateStatus": lambda _: gettext("Asks whether a certificate still holds"),
    "NotifyEvent": _variables(lambda: gettext("Events"), "eventData"),
    "NotifyReport": _variables(lambda: gettext("Report of its settings"), "reportData"),
    "NotifyMonitoringReport": _variables(lambda: gettext("Report of what it watches"), "monitor"),
    "NotifyEVChargingNeeds": lambda said: _at_place(gettext("What the car needs"), said),
    "NotifyChargingLimit": lambda said: _at_place(gettext("Charging is limited from elsewhere"), said),
    "ClearedChargingLimit": lambda said: _at_place(gettext("A limit from elsewhere is gone"), said),
    "ReportChargingProfiles": lambda said: _at_place(gettext("Report of its charging profiles"), said),
    "ReservationStatusUpdate": _named(lambda: gettext("Reservation"), "reservationUpdateStatus"),
}

_TO_CHARGER: dict[str, Callable[[Said], str]] = {
    "RemoteStartTransaction": lambda s: _at_place(gettext("Asked to start with card %(card)s", card=_card(s)), s),
    "RequestStartTransaction": lambda s: _at_place(gettext("Asked to start with card %(card)s", card=_card(s)), s),
    "RemoteStopTransaction": _of_session(lambda: gettext("Asked to stop session")),
    "RequestStopTransaction": _of_session(lambda: gettext("Asked to stop session")),
    "GetTransactionStatus": _of_session(lambda: gettext("Asked what became of session")),
    "TriggerMessage": _named(lambda: gettext("Asked to send"), "requestedMessage"),
    "ExtendedTriggerMessage": _named(lambda: gettext("Asked to send"), "requestedMessage"),
    "Reset": _named(lambda: gettext("Asked to restart"), "type"),
    "UnlockConnector": lambda said: _at_place(gettext("Asked to let go of the cable"), said),
    "ChangeAvailability": _named(lambda: gettext("Asked to become"), "type", "operationalStatus"),
    "GetConfiguration": _variables(lambda: gettext("Asked for its settings"), "key"),
    "ChangeConfiguration": _variables(lambda: gettext("Asked to change a setting"), "key"),
    "GetVariables": _variables(lambda: gettext("Asked for its settings"), "getVariableData"),
    "SetVariables": _variables(lambda: gettext("Asked to change a setting"), "setVariableData"),
    "GetBaseReport": lambda _: gettext("Asked for a report of its settings"),
    "GetReport": lambda _: gettext("Asked for a report of its settings"),
    "ClearCache": lambda _: gettext("Asked to forget the cards that it remembers"),
    "SendLocalList": lambda _: gettext("Given a list of cards"),
    "GetLocalListVersion": lambda _: gettext("Asked which list of cards it has"),
    "SetChargingProfile": lambda said: _at_place(gettext("Given a charging profile"), said),
    "ClearChargingProfile": lambda said: _at_place(gettext("Asked to drop charging profiles"), said),
    "GetCompositeSchedule": lambda said: _at_place(gettext("Asked what it will deliver"), said),
    "ReserveNow": lambda said: _at_place(gettext("Asked to keep itself for card %(card)s", card=_card(said)), said),
    "CancelReservation": lambda _: gettext("Asked to drop a reservation"),
    "UpdateFirmware": lambda _: gettext("Asked to update its firmware"),
    "SignedUpdateFirmware": lambda _: gettext("Asked to update its firmware"),
    "GetDiagnostics": lambda _: gettext("Asked for its diagnostics"),
    "GetLog": lambda _: gettext("Asked for its own log"),
    "CertificateSigned": lambda _: gettext("Given a certificate"),
}

_EITHER: dict[str, Callable[[Said], str]] = {
    "DataTransfer": lambda said: _with(
        gettext("Message of the maker's own"), _list(said.text("vendorId"), said.text("messageId"))
    ),
}
