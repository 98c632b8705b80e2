"""The actions of the audit log in words, alike on the page, in its file and on the command line."""

from __future__ import annotations

import json

from flask import Flask

from polaris.audit import NOT_SIGNED_IN
from polaris.domain.commands import parameters
from polaris.domain.commands.catalog import KINDS
from polaris.domain.sentences import N_, together
from polaris.rendering.translations import gettext, said

ACTIONS = {
    "account.added": N_("Added account"),
    "account.erased": N_("Erased personal data"),
    "account.exported": N_("Exported personal data"),
    "account.factors_reset": N_("Removed second factors"),
    "account.password_changed": N_("Changed password"),
    "account.password_reset": N_("Set new password by mailed link"),
    "account.profile_set": N_("Changed name, language or colours"),
    "account.role_changed": N_("Changed account's role"),
    "account.status_changed": N_("Changed account's status"),
    "attention.acknowledged": N_("Acknowledged matter"),
    "attention.taken_up": N_("Took matter up again"),
    "authenticator_app.added": N_("Added authenticator app"),
    "authenticator_app.removed": N_("Removed authenticator app"),
    "baseline.deleted": N_("Deleted baseline"),
    "baseline.saved": N_("Saved baseline"),
    "bulk.cancel": N_("Cancelled command to many"),
    "bulk.dry_run": N_("Made dry run of command to many"),
    "bulk.pause": N_("Paused command to many"),
    "bulk.resume": N_("Went on with command to many"),
    "bulk.start": N_("Sent command to many"),
    "card.added": N_("Added card"),
    "card.blocked": N_("Blocked card"),
    "card.claimed": N_("Added tapped card to own account"),
    "card.expiry_set": N_("Set when card expires"),
    "card.limit_set": N_("Set limit of card's sessions"),
    "card.lost": N_("Reported card lost"),
    "card.renamed": N_("Named card"),
    "charger.accepted": N_("Accepted charger"),
    "charger.added": N_("Added charger"),
    "charger.blocked": N_("Blocked charger"),
    "charger.connectors_set": N_("Set how many connectors charger may have"),
    "charger.disconnected": N_("Disconnected charger"),
    "charger.fallback_set": N_("Set charger's fallback version"),
    "charger.key_replaced": N_("Replaced charger's key"),
    "charger.key_rotated": N_("Made new key for charger"),
    "charger.meter_keys_set": N_("Entered charger's meter keys"),
    "charger.moved": N_("Moved charger to another site"),
    "charger.pings_set": N_("Turned charger's pings on or off"),
    "charger.power_set": N_("Set charger's greatest power"),
    "charger.profile_set": N_("Set charger's security profile"),
    "charger.renamed": N_("Renamed charger"),
    "charger.retired": N_("Retired charger"),
    "charger.unblocked": N_("Unblocked charger"),
    "charger.unit_set": N_("Set unit of charger's energies"),
    "command.dry_run": N_("Made dry run of command"),
    "command.requested": N_("Sent command"),
    "commissioning.began": N_("Began commissioning"),
    "commissioning.ended": N_("Ended commissioning"),
    "commissioning.link_made": N_("Made link for electrician"),
    "commissioning.link_revoked": N_("Revoked electrician's link"),
    "commissioning.step_skipped": N_("Left commissioning step out"),
    "commissioning.step_taken_up": N_("Took commissioning step up"),
    "device.all_signed_out": N_("Signed out everywhere"),
    "device.signed_in": N_("Signed in"),
    "device.signed_out": N_("Signed out"),
    "filter.deleted": N_("Deleted filter"),
    "filter.saved": N_("Saved filter"),
    "form.refused": N_("Refused form"),
    "frames.exported": N_("Exported frames"),
    "invitation.accepted": N_("Accepted invitation"),
    "invitation.mailed_again": N_("Mailed invitation again"),
    "invitation.made": N_("Invited person"),
    "invitation.withdrawn": N_("Withdrew invitation"),
    "limit.removed": N_("Removed session's limit"),
    "limit.set": N_("Set session's limit"),
    "list.exported": N_("Exported list"),
    "notices.chosen": N_("Chose notifications"),
    "notices.unsubscribed": N_("Ended notifications by mail"),
    "page.refused": N_("Refused page"),
    "password.link_asked": N_("Asked for link for new password"),
    "passkey.added": N_("Added passkey"),
    "passkey.removed": N_("Removed passkey"),
    "push.switched_off": N_("Switched notifications off on device"),
    "push.switched_on": N_("Switched notifications on for device"),
    "recovery_code.used": N_("Used recovery code"),
    "recovery_codes.renewed": N_("Renewed recovery codes"),
    "refusals.limited": N_("Limit of refusals reached"),
    "second_factor.failed": N_("Wrong second factor"),
    "session.closed": N_("Closed session as an estimate"),
    "session.energy_set": N_("Set session's energy"),
    "session.recomputed": N_("Recomputed session"),
    "sign_in.failed": N_("Wrong password"),
    "sign_in.limited": N_("Limit of sign-ins reached"),
    "site.added": N_("Added site"),
    "site.changed": N_("Changed site"),
    "site.deleted": N_("Deleted site"),
    "site.renamed": N_("Renamed site"),
    "stop.requested": N_("Asked to stop session"),
    "tariff.set": N_("Set prices"),
    "topic.refused": N_("Refused stream"),
    "wall.added": N_("Added wall"),
    "wall.opened": N_("Opened wall"),
    "wall.removed": N_("Removed wall"),
}


def register(app: Flask) -> None:
    """Add the filters to the app's Jinja environment."""
    app.add_template_filter(audit_action)
    app.add_template_filter(audit_detail)
    app.add_template_filter(actor_address)


def audit_action(action: str) -> str:
    """Say what an action of the audit log did. One that no version of Polaris has recorded stays as it is."""
    words = ACTIONS.get(action)
    return action if words is None else gettext(words)


def audit_detail(detail: str, action: str) -> str:
    """Return the detail of a row with a command in the words of its form. What is stored, and sealed, has its JSON."""
    kind, _, rest = detail.partition(" ")
    if action.partition(".")[0] not in ("command", "bulk") or kind not in KINDS:
        return detail
    try:
        values, end = json.JSONDecoder().raw_decode(rest)
    except ValueError:  # it was cut
        return detail
    return said(together(parameters.title(kind), *parameters.in_words(kind, values), between=", ")) + rest[end:]


def actor_address(actor: str) -> str:
    """Return the address of an actor who had not signed in; "" of any other, whose address is a column."""
    return actor.removeprefix(NOT_SIGNED_IN) if actor.startswith(NOT_SIGNED_IN) else ""


def choices() -> list[tuple[str, str]]:
    """Return the actions and their words, in the order of the words."""
    return sorted(((action, audit_action(action)) for action in ACTIONS), key=lambda choice: choice[1])
