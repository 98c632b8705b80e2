"""The words of a person's export: its README, and the columns that are of use only within Polaris."""

from __future__ import annotations

# By table. `tariff_id` and `charger_id` are numbers of tables that are not exported: their meaning is written out.
INTERNAL: dict[str, frozenset[str]] = {
    "charging_session": frozenset(
        {
            "charger_id", "site_id", "card_id", "account_id", "tariff_id", "start_key", "former_transaction_id",
            "meter", "connector_status", "followed_up_at", "is_awaiting_end", "needs_rebuild", "doubted_at", "revision",
            "is_swept", "has_days", "last_heard_at", "border_wh", "next_border_at", "limit_id",
        }
    ),
    "meter_reading": frozenset({"id", "digest", "is_final"}),
    "session_limit": frozenset({"id", "look_at", "asked_at", "asks", "is_told"}),
    "stop_request": frozenset({"id", "account_id", "attempts", "charger_id", "limit_id"}),
    "command": frozenset({"id", "charger_id", "connection_id", "bridge_id"}),
    "transaction_event": frozenset({"id", "charger_id"}),
    "orphan_end": frozenset({"id", "charger_id", "key"}),
    "session_day": frozenset({"id", "account_id"}),
    "session_note": frozenset({"id"}),
    "energy_correction": frozenset({"id"}),
}  # fmt: skip

FILES = {
    "account.json": "your account, cards, signed-in devices, second factors, and what the log of changes says of you",
    "sessions.csv": "your charging sessions: where, when, how much energy, and the estimated cost",
    "command.csv": "what a charger was asked to do for a session",
    "energy_correction.csv": "changes of a session's energy, by whom and why",
    "meter_reading.csv": "the readings of the meter during a session, with the meter's signature if it signs",
    "orphan_end.csv": "ends that a charger sent before Polaris knew their session",
    "session_day.csv": "the energy and the cost of each session by days of its site",
    "session_limit.csv": "the limits at which sessions were to stop by themselves",
    "session_note.csv": "notes on how good the figures of a session are",
    "stop_request.csv": "the stops that were asked for here",
    "transaction_event.csv": "the messages of a charger about a session, as they were sent",
}

README = """Your data in Polaris

{files}

A file that would be empty is not there.

Units: columns that end in _wh are watt-hours (1000 Wh are 1 kWh), in _w watts, in _percent per cent. Instants end in
_at and are in UTC. The estimated cost includes tax and follows from the tariff at the session's start; that of a
session that is still running is the one at the time of the export. It is empty if the energy or the price is not known.
effective_wh is the energy that the pages show and the cost follows from: decided_wh if an operator has set it, else
energy_wh, the charger's own.

Left out: passwords, keys and codes with which somebody could sign in as you; the names of other people, in whose place
it says "another account"; and columns that Polaris needs only for its own work, such as the numbers of its rows.
An amount is in the smallest unit of its currency.
A text that begins like a formula has an apostrophe before it, so that no spreadsheet runs it.
"""


def readme(names: list[str]) -> str:
    """Return the README of an export with these files."""
    return README.format(files="\n".join(f"{name}: {FILES[name]}." for name in names))
