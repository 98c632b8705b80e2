"""A charger's settings, as a list in every version: read from the answers and reports that name them.

OCPP 1.6 answers GetConfiguration; 2.x answers GetVariables, and sends its device model in the parts of a NotifyReport.
Whatever cannot be read is left out: a charger wrote it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from polaris.domain.redaction import REDACTED, is_secret
from polaris.domain.spelling import printable

MAX_NAME_LENGTH = 100  # characters shown; OCPP's are half as long, and a page of longer ones could not be read
MAX_VALUE_LENGTH = 2500  # OCPP 2.x: ReportingValueSize


class Access(StrEnum):
    """The access of the central system to a setting."""

    READ_WRITE = "read and write"
    READ_ONLY = "read only"
    WRITE_ONLY = "write only"
    MISSING = "no such setting"
    NOT_TOLD = ""


class Setting(NamedTuple):
    """One value of a charger. Component, EVSE and its connector are of OCPP 2.x; "" and 0 stand for none."""

    component: str
    evse: int
    connector: int
    name: str
    value: str
    access: Access
    unit: str = ""
    at_most: str = ""

    @property
    def described(self) -> str:
        """The value with its unit and its greatest value."""
        limit = f"at most {self.at_most} {self.unit}".rstrip() if self.at_most else ""
        value = f"{self.value} {self.unit}".rstrip() if self.value else ""
        return ", ".join(filter(None, (value, limit)))

    @property
    def command_key(self) -> str:
        """The name by which a command sets it; "" if none can: it is read only, a connector's or another attribute."""
        is_whole = len(self.name) < MAX_NAME_LENGTH and len(self.component) < MAX_NAME_LENGTH
        if self.access not in _WRITABLE or self.connector or not is_whole:
            return ""
        if not self.component:
            return self.name
        return "" if self.name.endswith(")") else f"{self.component}{f'@{self.evse}' if self.evse else ''}.{self.name}"

    def has(self, words: Iterable[str]) -> bool:
        """Return whether each word, in lower case, is in its names or its value."""
        text = f"{self.component} {self.name} {self.value}".casefold()
        return all(word in text for word in words)

    @property
    def key(self) -> tuple[object, ...]:
        return self.component.casefold(), self.evse, self.connector, self.name.casefold()


@dataclass(frozen=True, slots=True)
class SettingsView:
    """A charger's settings. `request` is the id of the command that asked for the whole list, "" if none did."""

    settings: tuple[Setting, ...] = ()
    reported_at: datetime | None = None  # None if there was no whole list
    request: str = ""
    is_complete: bool = True  # False if parts of the list are missing, or were too long to be kept
    changed: Mapping[str, str] = field(default_factory=dict)  # accepted values since, by the key in lower case

    def set_to(self, setting: Setting) -> str | None:
        """Return the value that the charger has accepted since it reported a setting, None if there is no other."""
        value = self.changed.get(setting.command_key.casefold()) if setting.command_key else None
        return None if value == setting.value else value


_WRITABLE = (Access.READ_WRITE, Access.WRITE_ONLY)
_ACCESS = {"readwrite": Access.READ_WRITE, "readonly": Access.READ_ONLY, "writeonly": Access.WRITE_ONLY}


def read(payload: object) -> Iterator[Setting]:
    """Yield the settings that an answer or a part of a report names, in its order."""
    for name, settings in _LISTS.items():
        items = payload.get(name) if isinstance(payload, Mapping) else None
        for item in items if isinstance(items, list) else ():
            yield from settings(item)


def merged(settings: Iterable[Setting], newer: Iterable[Setting]) -> list[Setting]:
    """Return settings with their newer values. Where a newer one does not tell its access, the older one's holds."""
    by_key = {setting.key: setting for setting in settings}
    for setting in newer:
        known = by_key.get(setting.key)
        is_silent = setting.access is Access.NOT_TOLD
        by_key[setting.key] = setting if known is None or not is_silent else setting._replace(access=known.access)
    return [setting for setting in by_key.values() if setting.access is not Access.MISSING]


def _configured(item: Any) -> Iterator[Setting]:
    """Yield a KeyValue of OCPP 1.6."""
    if isinstance(item, dict) and _text(item.get("key")):
        access = Access.READ_ONLY if item.get("readonly") in (True, "true") else Access.READ_WRITE
        yield _setting("", {}, _text(item["key"]), _text(item.get("value"), MAX_VALUE_LENGTH), access)


def _unknown(item: Any) -> Iterator[Setting]:
    if _text(item):
        yield _setting("", {}, _text(item), "", Access.MISSING)


def _variable(item: Any) -> Iterator[Setting]:
    """Yield a GetVariableResult of OCPP 2.x."""
    if isinstance(item, dict):
        is_there = item.get("attributeStatus") == "Accepted"
        value = _text(item.get("attributeValue"), MAX_VALUE_LENGTH)
        name = _with_attribute(_name(item.get("variable")), item.get("attributeType"))
        yield from _named(item, name, value, Access.NOT_TOLD if is_there else Access.MISSING)


def _reported(item: Any) -> Iterator[Setting]:
    """Yield the attributes of a ReportData of OCPP 2.x, their values with unit and greatest value."""
    if not isinstance(item, dict):
        return
    characteristics = _inner(item, "variableCharacteristics")
    unit, at_most = _text(characteristics.get("unit")), _text(characteristics.get("maxLimit"))
    attributes = item.get("variableAttribute")
    for attribute in attributes if isinstance(attributes, list) and attributes else ({},):
        if isinstance(attribute, dict):
            value = _text(attribute.get("value"), MAX_VALUE_LENGTH)
            access = _ACCESS.get(_text(attribute.get("mutability")).lower(), Access.READ_WRITE)
            name = _with_attribute(_name(item.get("variable")), attribute.get("type"))
            for setting in _named(item, name, value, access):
                yield setting._replace(unit=unit, at_most=at_most)


_LISTS = {
    "configurationKey": _configured,
    "unknownKey": _unknown,
    "getVariableResult": _variable,
    "reportData": _reported,
}


def _named(item: dict[str, Any], name: str, value: str, access: Access) -> Iterator[Setting]:
    component = _name(item.get("component"))
    if component and name:
        yield _setting(component, _inner(_inner(item, "component"), "evse"), name, value, access)


def _setting(component: str, evse: Mapping[str, Any], name: str, value: str, access: Access) -> Setting:
    is_hidden = bool(value) and is_secret(name)
    return Setting(
        component, _id(evse.get("id")), _id(evse.get("connectorId")), name, REDACTED if is_hidden else value, access
    )


def _name(named: Any) -> str:
    """Return the name of a component or a variable, with its instance in brackets, as commands take it."""
    if not isinstance(named, dict):
        return ""
    name, instance = _text(named.get("name")), _text(named.get("instance"))
    return f"{name}[{instance}]" if name and instance else name


def _with_attribute(name: str, attribute: Any) -> str:
    """Add the attribute of a variable, if it is not its actual value."""
    type_ = _text(attribute)
    return f"{name} ({type_})" if name and type_ not in ("", "Actual") else name


def _inner(item: Mapping[str, Any], field: str) -> Mapping[str, Any]:
    value = item.get(field)
    return value if isinstance(value, dict) else {}


def _id(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 1000 else 0


def _text(value: Any, limit: int = MAX_NAME_LENGTH) -> str:
    """Return a text or a number on one line, cut and printable."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return printable(str(value)[:limit])


def differences(ours: Iterable[Setting], theirs: Iterable[Setting]) -> list[tuple[Setting | None, Setting | None]]:
    """Return the settings of two chargers side by side, those that differ first."""
    by_key = [{setting.key: setting for setting in settings} for settings in (ours, theirs)]
    pairs = [(by_key[0].get(key), by_key[1].get(key)) for key in {**by_key[0], **by_key[1]}]
    return sorted(pairs, key=lambda pair: not is_different(pair))


def is_different(pair: tuple[Setting | None, Setting | None]) -> bool:
    """Return whether a setting has different values, or only one charger has it. What is secret is the same to us."""
    ours, theirs = pair
    return ours is None or theirs is None or ours.described != theirs.described
