"""The queries of the page that compares settings. Nothing is written."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from polaris.administration import baseline_settings, saved_baselines
from polaris.administration.baselines import Baseline
from polaris.domain import filters
from polaris.domain.settings import SettingsView
from polaris.ingest import settings
from polaris.models import Charger, blocking
from polaris.web.comparison.view import Comparison, Named, compared

MAX_SUGGESTED = 50  # chargers of the same site, to compare with


@dataclass(frozen=True, slots=True)
class Wanted:
    """A charger, and what its settings are compared with: another one, or else a baseline. "" is for none."""

    identity: str
    other: str
    baseline: str
    start: int

    @classmethod
    def of(cls, identity: str, values: Mapping[str, str]) -> Wanted:
        other = filters.text(values.get("with", ""))
        baseline = "" if other else filters.text(values.get("baseline", ""))
        return cls(identity, other, baseline, filters.number(values.get("from", "")) or 0)

    @property
    def is_same(self) -> bool:
        """Whether a charger would be compared with itself."""
        return self.other == self.identity

    def parameters(self, start: int | None = None) -> dict[str, str | int]:
        """Return the parameters of its address, or of the same comparison from another row on."""
        start = self.start if start is None else start
        pairs = (("with", self.other), ("baseline", self.baseline), ("from", start))
        return {name: value for name, value in pairs if value}


@dataclass(frozen=True, slots=True)
class Version:
    """A text that is another one whenever a comparison may be: its settings may be thousands to read."""

    charger_id: int
    charger_ids: frozenset[int]  # of both
    text: str


@dataclass(frozen=True, slots=True)
class ComparisonPage:
    """A comparison, None if there is nothing to compare with; `baselines` are all that there are.

    `others` are identities of chargers of the same site.
    """

    wanted: Wanted
    charger_id: int
    name: str
    others: tuple[str, ...]
    baselines: tuple[Baseline, ...]
    comparison: Comparison | None
    version: str


@blocking
def version(wanted: Wanted) -> Version | None:
    """Return the version of a comparison; None if there is no such charger."""
    ours, theirs = _charger(wanted.identity), _charger(wanted.other)
    if ours is None:
        return None
    chargers = [charger for charger in (ours, theirs) if charger is not None]
    parts = [(charger.id, charger.name, settings.version(charger.id)) for charger in chargers]
    text = hashlib.sha256(repr((parts, saved_baselines())).encode()).hexdigest()[:16]
    return Version(ours.id, frozenset(charger.id for charger in chargers), text)


@blocking
def page(wanted: Wanted) -> ComparisonPage | None:
    """Read a comparison; return None if there is no such charger."""
    newest = version(wanted)  # before the settings, which are then of this or a newer one
    charger = _charger(wanted.identity)
    if newest is None or charger is None:
        return None
    theirs = _baseline(wanted.baseline) if wanted.baseline else _settings(_other(wanted))
    ours = theirs and _settings(charger)
    comparison = compared(ours, theirs, wanted.start) if ours and theirs else None
    return ComparisonPage(
        wanted, charger.id, charger.name, _others(charger), saved_baselines(), comparison, newest.text
    )


def _charger(identity: str) -> Charger | None:
    columns = Charger.id, Charger.identity, Charger.name, Charger.site
    charger: Charger | None = Charger.select(*columns).where(Charger.identity == identity.replace("\0", "")).first()
    return charger


def _other(wanted: Wanted) -> Charger | None:
    return None if wanted.is_same else _charger(wanted.other)


def _others(charger: Charger) -> tuple[str, ...]:
    of_site = (Charger.site == charger.site_id) & (Charger.id != charger.id)
    query = Charger.select(Charger.identity).where(of_site).order_by(Charger.name, Charger.id).limit(MAX_SUGGESTED)
    return tuple(row.identity for row in query)


def _settings(charger: Charger | None) -> Named | None:
    return None if charger is None else Named(charger.name, charger.identity, settings.of(charger.identity))


def _baseline(name: str) -> Named | None:
    kept = baseline_settings(name)
    return None if kept is None else Named(name, "", SettingsView(kept))
