"""A charger's messages in plain words: an exchange in, a sentence and its outcome out.

The common Actions of OCPP 1.6 and 2.x have texts of their own; any other is called by its name. Texts that a charger
wrote are shortened, and escaped by the templates like any other.
"""

from __future__ import annotations

import html
from collections.abc import Callable

from flask import Flask
from markupsafe import Markup

from polaris.domain import cards, connectors, metering
from polaris.domain.connectors import NO_ERROR
from polaris.domain.metering import Sample
from polaris.models import EPOCH
from polaris.ocpp_log.exchange import Exchange, Kind
from polaris.ocpp_log.files import NO_PONG, SILENT
from polaris.ocpp_log.filter import is_bad, status
from polaris.ocpp_log.message import CALLERROR, CALLRESULT, CALLRESULTERROR, Fields, printable
from polaris.rendering.filters import kw, kwh
from polaris.rendering.translations import gettext

MAX_RAW_LENGTH = 700  # characters: without it, a single frame could be larger than the rest of the page
_CARD_TYPES = ("", cards.CARD, "ISO15693")  # that need no name


def register(app: Flask) -> None:
    """Add the filters to the app's Jinja environment."""
    for filter_ in (sentence, outcome, is_bad, raw, protocol):
        app.add_template_filter(filter_)


def actions() -> list[str]:
    """Return the Actions that have texts of their own, in the order of their names."""
    return sorted({*_FROM_CHARGER, *_TO_CHARGER, *_EITHER})


def sentence(exchange: Exchange) -> str:
    """Describe the message of an exchange."""
    if exchange.kind is Kind.OPENED:
        return gettext("Connected with %(protocol)s", protocol=protocol(exchange.frame) or gettext("no known protocol"))
    if exchange.kind is Kind.CLOSED:
        return _with(gettext("Connection ended"), _failure(exchange.frame))
    message = exchange.message
    if message is None:
        return gettext("Something that is no OCPP message")
    if message.type in (CALLERROR, CALLRESULTERROR):
        return gettext("A refusal of an earlier message: %(code)s", code=message.code)
    if message.type == CALLRESULT:
        return gettext("An answer to an earlier message")
    texts = _FROM_CHARGER if exchange.kind is Kind.FROM_CHARGER else _TO_CHARGER
    describe = texts.get(message.action) or _EITHER.get(message.action)
    return describe(message.payload) if describe is not None else message.action or gettext("A message without a name")


def outcome(exchange: Exchange) -> str:
    """Describe the answer of an exchange; "" if there is nothing to describe."""
    answer = exchange.answer
    if answer is None:
        return gettext("no answer yet") if exchange.wants_answer else ""
    if answer.type == CALLERROR:
        refused = gettext("refused: %(code)s", code=answer.code or "?")
        return f"{refused} ({answer.description})" if answer.description else refused
    number = answer.payload.number("transactionId")
    its_status = status(answer)
    if number > 0 and exchange.message is not None and exchange.message.action == "StartTransaction":
        return gettext("session %(number)s, %(status)s", number=number, status=its_status)
    return its_status


def protocol(subprotocol: str) -> str:
    """Name a subprotocol as people do: "OCPP 1.6"."""
    return f"OCPP {subprotocol[4:]}" if subprotocol.startswith("ocpp") else printable(subprotocol[:20])


def raw(frame: str, max_length: int = MAX_RAW_LENGTH) -> Markup:
    """Show a frame as it was sent, on one line and cut. It goes between tags, where quotation marks need no escape."""
    shown = printable(frame[:max_length])
    if len(frame) > max_length:
        shown = gettext("%(beginning)s… and more", beginning=shown)
    return Markup(html.escape(shown, quote=False))  # noqa: S704 - escaped


def _failure(reason: str) -> str:
    """Explain why the bridge has disconnected a charger; "" if there is nothing to explain."""
    if reason == NO_PONG:
        return gettext("it did not answer a ping")
    return gettext("it was silent for too long") if reason == SILENT else ""


def _join(*parts: str) -> str:
    return ", ".join(part for part in parts if part)


def _with(words: str, more: str) -> str:
    return f"{words}: {more}" if more else words


def _connector(payload: Fields) -> str:
    """Name the connector of a message; "" if it names none."""
    number = payload.number("connectorId")
    evse = payload.number("evseId") or payload.number("evseID") or payload.inner("evse").number("id")
    if evse > 0:
        number = connectors.number(evse, number or payload.inner("evse").number("connectorId"))
    return gettext("Connector %(number)s", number=number) if number > 0 else ""


def _at_connector(words: str, payload: Fields) -> str:
    connector = _connector(payload)
    return f"{connector}: {words}" if connector else words


def _card(payload: Fields) -> str:
    """Name a message's card; a token that is not one has its type beside it."""
    token = payload.inner("idToken")
    card, type_ = payload.text("idTag") or token.text("idToken"), token.text("type")
    return f"{card} ({type_})" if card and type_ not in _CARD_TYPES else card


def _transaction(payload: Fields) -> str:
    return payload.text("transactionId") or payload.inner("transactionInfo").text("transactionId")


def _figures(payload: Fields) -> str:
    """Describe the newest reading of a message: "12.34 kWh, 7.2 kW, 44 %"."""
    values = payload.each("meterValue") or payload.each("transactionData")
    if not values:
        return ""
    readings = metering.readings([(EPOCH, [_sample(value) for value in values[-1].each("sampledValue")])])
    if not readings:
        return ""
    reading = readings[-1]
    energy_wh = reading.interval_wh if reading.register_wh is None else reading.register_wh
    return _join(
        "" if energy_wh is None else f"{kwh(energy_wh)} kWh",
        "" if reading.power_w is None else f"{kw(reading.power_w)} kW",
        "" if reading.soc_percent is None else f"{reading.soc_percent} %",
    )


def _sample(payload: Fields) -> Sample:
    unit = payload.inner("unitOfMeasure")
    power = unit.number("multiplier")
    value = payload.text("value")
    return Sample(
        f"{value}e{power}" if power and abs(power) <= 12 else value,
        payload.text("measurand"),
        payload.text("unit") or unit.text("unit"),
        payload.text("phase"),
        payload.text("context"),
        payload.text("location"),
        payload.text("format"),
    )


def _asked_to_start(payload: Fields) -> str:
    words = gettext("Asked to start with card %(card)s", card=_card(payload))
    if payload.inner("chargingProfile").value:
        words = _join(words, gettext("with a charging profile"))
    return _at_connector(words, payload)


def _boot(payload: Fields) -> str:
    station = payload.inner("chargingStation")
    maker = payload.text("chargePointVendor") or station.text("vendorName")
    model = payload.text("chargePointModel") or station.text("model")
    firmware = payload.text("firmwareVersion") or station.text("firmwareVersion")
    name = " ".join(part for part in (maker, model) if part)
    return _with(gettext("Started up"), _join(name, firmware and gettext("firmware %(name)s", name=firmware)))


def _status_of_connector(payload: Fields) -> str:
    status = payload.text("status", "connectorStatus") or "?"
    error = payload.text("errorCode")
    info = _join("" if error == NO_ERROR else error, payload.text("vendorErrorCode"), payload.text("info"))
    place = _connector(payload) or gettext("The charger")
    return f"{place}: {status}" + (f" ({info})" if info else "")


def _meter_values(payload: Fields) -> str:
    return _with(_at_connector(gettext("Meter reading"), payload), _figures(payload))


def _start_transaction(payload: Fields) -> str:
    meter_wh = payload.number("meterStart")
    words = gettext("Session begun with card %(card)s at %(kwh)s kWh", card=_card(payload), kwh=kwh(meter_wh))
    return _at_connector(words, payload)


def _stop_transaction(payload: Fields) -> str:
    words = gettext("Session %(number)s ended", number=_transaction(payload) or "?")
    return _with(words, _join(payload.text("reason") or "Local", f"{kwh(payload.number('meterStop'))} kWh"))


def _transaction_event(payload: Fields) -> str:
    """Describe an OCPP 2.x TransactionEvent: a start, an update or an end."""
    info = payload.inner("transactionInfo")
    words = {
        "Started": gettext("Session begun"),
        "Updated": gettext("Session goes on"),
        "Ended": gettext("Session ended"),
    }.get(payload.text("eventType"), gettext("Session"))
    details = _join(
        info.text("stoppedReason") or info.text("chargingState") or payload.text("triggerReason"),
        _figures(payload),
        gettext("sent later") if payload.value.get("offline") is True else "",
    )
    return _with(_at_connector(words, payload), details)


def _named(words: Callable[[], str], *names: str) -> Callable[[Fields], str]:
    """Describe a message by fixed words and the first of these fields that has a value."""
    return lambda payload: _at_connector(_with(words(), payload.text(*names)), payload)


def _of_session(words: Callable[[], str]) -> Callable[[Fields], str]:
    return lambda payload: f"{words()} {_transaction(payload)}"


def _variables(words: Callable[[], str], field: str) -> Callable[[Fields], str]:
    """Describe a message by fixed words and the variables or keys that it names, with the values of events."""

    def describe(payload: Fields) -> str:
        items = payload.each(field)[:5]
        names = [f"{item.inner('variable').text('name')} {item.text('actualValue')}".strip() for item in items]
        keys = payload.value.get("key")
        if isinstance(keys, list):
            names += [printable(key[:50]) for key in keys[:5] if isinstance(key, str)]
        return _with(words(), _join(*names) or payload.text("key"))

    return describe


_FROM_CHARGER: dict[str, Callable[[Fields], str]] = {
    "BootNotification": _boot,
    "Heartbeat": lambda _: gettext("Heartbeat"),
    "StatusNotification": _status_of_connector,
    "Authorize": lambda payload: gettext("Card %(card)s was shown", card=_card(payload) or "?"),
    "StartTransaction": _start_transaction,
    "StopTransaction": _stop_transaction,
    "MeterValues": _meter_values,
    "TransactionEvent": _transaction_event,
    "DiagnosticsStatusNotification": _named(lambda: gettext("Diagnostics"), "status"),
    "FirmwareStatusNotification": _named(lambda: gettext("Firmware"), "status"),
    "SignedFirmwareStatusNotification": _named(lambda: gettext("Firmware"), "status"),
    "PublishFirmwareStatusNotification": _named(lambda: gettext("Firmware for others"), "status"),
    "LogStatusNotification": _named(lambda: gettext("Its own log"), "status"),
    "SecurityEventNotification": _named(lambda: gettext("Security event"), "type"),
    "SignCertificate": lambda _: gettext("Asks for a certificate to be signed"),
    "Get15118EVCertificate": lambda _: gettext("Asks for a car's certificate"),
    "GetCertificateStatus": lambda _: gettext("Asks whether a certificate still holds"),
    "NotifyEvent": _variables(lambda: gettext("Events"), "eventData"),
    "NotifyReport": _variables(lambda: gettext("Report of its settings"), "reportData"),
    "NotifyMonitoringReport": _variables(lambda: gettext("Report of what it watches"), "monitor"),
    "NotifyEVChargingNeeds": lambda payload: _at_connector(gettext("What the car needs"), payload),
    "NotifyChargingLimit": lambda payload: _at_connector(gettext("Charging is limited from elsewhere"), payload),
    "ClearedChargingLimit": lambda payload: _at_connector(gettext("A limit from elsewhere is gone"), payload),
    "ReportChargingProfiles": lambda payload: _at_connector(gettext("Report of its charging profiles"), payload),
    "PullDynamicScheduleUpdate": lambda _: gettext("Asks for a new limit of its charging profile"),
    "NotifyCustomerInformation": lambda _: gettext("What it knows about a customer"),
    "NotifyDisplayMessages": lambda _: gettext("Report of the messages on its display"),
    "NotifyEVChargingSchedule": lambda payload: _at_connector(gettext("What the car plans to charge"), payload),
    "NotifyPriorityCharging": _of_session(lambda: gettext("Priority changed for session")),
    "NotifySettlement": _named(lambda: gettext("Payment at the charger"), "status"),
    "NotifyWebPaymentStarted": lambda payload: _at_connector(gettext("Someone begins to pay on the web"), payload),
    "VatNumberValidation": lambda _: gettext("Asks whether a VAT number is valid"),
    "GetCertificateChainStatus": lambda _: gettext("Asks whether certificates still hold"),
    "BatterySwap": _named(lambda: gettext("Batteries are swapped"), "eventType"),
    "NotifyDERAlarm": _named(lambda: gettext("Alarm about the grid"), "controlType"),
    "NotifyDERStartStop": lambda _: gettext("A rule for the grid begins or ends"),
    "ReportDERControl": lambda _: gettext("Report of its rules for the grid"),
    "OpenPeriodicEventStream": lambda _: gettext("Asks to send events in a stream"),
    "NotifyPeriodicEventStream": lambda _: gettext("Events of a stream"),
    "ClosePeriodicEventStream": lambda _: gettext("Ends a stream of events"),
    "ReservationStatusUpdate": _named(lambda: gettext("Reservation"), "reservationUpdateStatus"),
}

_TO_CHARGER: dict[str, Callable[[Fields], str]] = {
    "RemoteStartTransaction": _asked_to_start,
    "RequestStartTransaction": _asked_to_start,
    "RemoteStopTransaction": _of_session(lambda: gettext("Asked to stop session")),
    "RequestStopTransaction": _of_session(lambda: gettext("Asked to stop session")),
    "GetTransactionStatus": _of_session(lambda: gettext("Asked what became of session")),
    "TriggerMessage": _named(lambda: gettext("Asked to send"), "requestedMessage"),
    "ExtendedTriggerMessage": _named(lambda: gettext("Asked to send"), "requestedMessage"),
    "Reset": _named(lambda: gettext("Asked to restart"), "type"),
    "UnlockConnector": lambda payload: _at_connector(gettext("Asked to let go of the cable"), payload),
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
    "SetChargingProfile": lambda payload: _at_connector(gettext("Given a charging profile"), payload),
    "ClearChargingProfile": lambda payload: _at_connector(gettext("Asked to drop charging profiles"), payload),
    "GetCompositeSchedule": lambda payload: _at_connector(gettext("Asked what it will deliver"), payload),
    "ReserveNow": lambda payload: _at_connector(
        gettext("Asked to keep itself for card %(card)s", card=_card(payload)), payload
    ),
    "CancelReservation": lambda _: gettext("Asked to drop a reservation"),
    "UpdateFirmware": lambda _: gettext("Asked to update its firmware"),
    "SignedUpdateFirmware": lambda _: gettext("Asked to update its firmware"),
    "GetDiagnostics": lambda _: gettext("Asked for its diagnostics"),
    "GetLog": lambda _: gettext("Asked for its own log"),
    "CertificateSigned": lambda _: gettext("Given a certificate"),
}

_EITHER: dict[str, Callable[[Fields], str]] = {
    "DataTransfer": lambda payload: _with(
        gettext("Message of the maker's own"), _join(payload.text("vendorId"), payload.text("messageId"))
    ),
}
