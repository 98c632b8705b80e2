"""Administration: changes to accounts, devices, cards, chargers, sites and tariffs.

Each change is one transaction together with its audit row; change notifications are published after the commit. Errors
that a person can correct are `Refused`, in one sentence. Nothing here depends on Flask, HTTP or a terminal.
"""

from polaris.administration.accounts import add_account, set_account_role, set_account_status, set_password
from polaris.administration.audit import COMMAND_LINE, AlreadySo, Refused
from polaris.administration.baselines import baseline_settings, delete_baseline, save_baseline, saved_baselines
from polaris.administration.cards import (
    add_card,
    add_tapped_card,
    block_card,
    set_card_expiry,
    tapped_cards,
)
from polaris.administration.chargers import (
    add_charger,
    import_chargers,
    set_energy_unit,
    set_fallback,
    set_max_connectors,
    set_max_power,
    set_meter_keys,
    set_name,
    set_pings,
    set_site_of,
)
from polaris.administration.devices import (
    HalfSignedIn,
    SignedIn,
    devices,
    lifetimes,
    sign_in,
    sign_out,
    sign_out_everywhere,
    signed_in,
)
from polaris.administration.exports import note_export
from polaris.administration.fleet import delete_filter, save_filter, saved_filters
from polaris.administration.invitations import invite, mail_again, withdraw_invitation
from polaris.administration.profiles import set_profile
from polaris.administration.security_events import audit_refusal
from polaris.administration.sites import delete_site, rename_site, set_site
from polaris.administration.tariffs import set_tariff
from polaris.administration.walls import (
    add_wall,
    list_walls,
    open_until,
    open_wall,
    remove_wall,
    to_open_until,
    wall_of,
)

__all__ = [
    "COMMAND_LINE",
    "AlreadySo",
    "HalfSignedIn",
    "Refused",
    "SignedIn",
    "add_account",
    "add_card",
    "add_charger",
    "add_tapped_card",
    "add_wall",
    "audit_refusal",
    "baseline_settings",
    "block_card",
    "delete_baseline",
    "delete_filter",
    "delete_site",
    "devices",
    "import_chargers",
    "invite",
    "lifetimes",
    "list_walls",
    "mail_again",
    "note_export",
    "open_until",
    "open_wall",
    "remove_wall",
    "rename_site",
    "save_baseline",
    "save_filter",
    "saved_baselines",
    "saved_filters",
    "set_account_role",
    "set_account_status",
    "set_card_expiry",
    "set_energy_unit",
    "set_fallback",
    "set_max_connectors",
    "set_max_power",
    "set_meter_keys",
    "set_name",
    "set_password",
    "set_pings",
    "set_profile",
    "set_site",
    "set_site_of",
    "set_tariff",
    "sign_in",
    "sign_out",
    "sign_out_everywhere",
    "signed_in",
    "tapped_cards",
    "to_open_until",
    "wall_of",
    "withdraw_invitation",
]
