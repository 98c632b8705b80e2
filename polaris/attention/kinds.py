"""The one table of what needs a person: each kind with its words and its query. Its order is that of the list."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from polaris.attention import alarms, cards, chargers, mails, sessions, sites, storage, strangers
from polaris.attention.item import Item, Search
from polaris.domain.sentences import N_

MAX_SHOWN = 50  # of a kind
MAX_COUNTED = 100  # beyond it, a kind's number is "100+": more would be counted for every page


class Kind(NamedTuple):
    """A kind of matter. `rule` says what is listed, and until when."""

    name: str
    title: str
    rule: str
    find: Callable[[Search], list[Item]]


KINDS = (
    Kind(
        storage.STORAGE,
        N_("Storage filling up"),
        N_("Disks of this machine with less than 2 GB free, and tables that are full."),
        storage.storage,
    ),
    Kind(
        chargers.FAULT,
        N_("Faults"),
        N_("Connectors that report a fault or an error code, until they report none."),
        chargers.faults,
    ),
    Kind(
        sessions.STUCK,
        N_("Stuck sessions"),
        N_("Sessions that seem to be over although no end has come."),
        sessions.stuck,
    ),
    Kind(
        chargers.STOPS,
        N_("Failing stops"),
        N_("Chargers at which the last three stops or more have failed within a day."),
        chargers.failing_stops,
    ),
    Kind(
        chargers.OFFLINE,
        N_("Chargers offline"),
        N_("Chargers without a connection for an hour and twice as long as usual, that were there within 30 days."),
        chargers.offline,
    ),
    Kind(
        strangers.REFUSED,
        N_("Chargers that were refused"),
        N_("Unknown chargers and wrong keys of the last 7 days, until they are accepted or come with the right key."),
        strangers.refused,
    ),
    Kind(
        alarms.TURNS,
        N_("Two connections taking turns"),
        N_("Chargers as which two connections have replaced each other within the last 7 days."),
        alarms.two_connections,
    ),
    Kind(
        alarms.ALARM,
        N_("Security events and alarms"),
        N_("Critical security events of chargers and what is beyond a bound, of the last 7 days."),
        alarms.alarms,
    ),
    Kind(
        sessions.DOUBTFUL,
        N_("Figures in doubt"),
        N_("Ended sessions whose energy is not known, until somebody sets it."),
        sessions.doubtful,
    ),
    Kind(
        cards.LOST,
        N_("Lost cards"),
        N_("Cards that drivers reported lost within the last 7 days."),
        cards.lost,
    ),
    Kind(
        strangers.CARD,
        N_("Unknown cards"),
        N_("Cards that were tapped within the last 7 days and that nobody has."),
        strangers.unknown_cards,
    ),
    Kind(
        mails.MAIL,
        N_("Mail not sent"),
        N_("Mail that was refused, or still waits after 15 minutes, until it is sent or nobody needs it any more."),
        mails.unsent,
    ),
    Kind(
        mails.PUSH,
        N_("Notices not sent to devices"),
        N_("Pushes of the last day that were refused, or still wait after 15 minutes."),
        mails.unsent_pushes,
    ),
    Kind(
        chargers.CLOCK,
        N_("Wrong clocks"),
        N_("Chargers whose clocks are minutes off or more, as they were last heard."),
        chargers.wrong_clocks,
    ),
    Kind(
        sites.ZONE,
        N_("Unknown time zones"),
        N_("Sites whose time zone this system does not know, until they have another one."),
        sites.unknown_zones,
    ),
)
BY_NAME = {kind.name: kind for kind in KINDS}
