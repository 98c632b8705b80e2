"""Limits that several packages share."""

from datetime import timedelta

from polaris.domain.sentences import say

MAX_CURVE_POINTS = 200  # of a session: more are no finer on a screen, and old sessions keep no more
MAX_INT32 = 2**31 - 1  # of a session's number: OCPP 1.6 transaction ids are int32, and so are the columns
DEFAULT_MAX_POWER_W = 400_000  # of a connector that has none set or reported: more than any charger of today delivers
# Of a connector, as set or reported: any other is a mistake of unit, and would bound nothing or leave nothing.
MIN_POWER_W, MAX_POWER_W = 1_000, 2_000_000
# After a session's end, its page says to unplug the cable; later, nobody stands beside the car and reads it.
UNPLUG_WITHIN = timedelta(minutes=30)
# Characters that are imported at once: within a form's bound, so that pages and the command line are alike.
MAX_FILE = 60_000
FILE_TOO_LONG = say(
    "The file has more than %(limit)s characters. Split it, and import one part at a time.", limit=f"{MAX_FILE:,}"
)
MAX_COUNTED = 10_000  # rows of a list; without it, each look at a list would count millions
ALARM_AGE = timedelta(days=7)  # an older alarm of a charger is shown no more
