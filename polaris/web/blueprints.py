"""The blueprints of all pages. The event streams have one of their own, which needs more than an import."""

from __future__ import annotations

from polaris.web import auth, confirmation, disclosure, health, installable, languages, second_step
from polaris.web.account import deletion, notifications, passkeys, password, second_factor
from polaris.web.account import routes as account
from polaris.web.actions import routes as actions
from polaris.web.attention import routes as attention
from polaris.web.audit import routes as audit
from polaris.web.behaviour import routes as behaviour
from polaris.web.bulk import routes as bulk
from polaris.web.cards import export as cards_export
from polaris.web.cards import own_routes as own_cards
from polaris.web.cards import routes as cards
from polaris.web.chargers import routes as chargers
from polaris.web.commands import routes as commands
from polaris.web.commissioning import electrician
from polaris.web.commissioning import routes as commissioning
from polaris.web.comparison import routes as comparison
from polaris.web.fleet import routes as fleet
from polaris.web.home import routes as home
from polaris.web.invitations import routes as invitations
from polaris.web.messages import routes as messages
from polaris.web.password_reset import routes as password_reset
from polaris.web.people import export as people_export
from polaris.web.people import routes as people
from polaris.web.sessions import curve
from polaris.web.sessions import export as session_export
from polaris.web.sessions import limit_routes as limits
from polaris.web.sessions import routes as sessions
from polaris.web.sites import routes as sites
from polaris.web.start import routes as start
from polaris.web.tariffs import routes as tariffs
from polaris.web.walls import routes as walls

BLUEPRINTS = tuple(
    module.blueprint
    for module in (
        auth,
        second_step,
        confirmation,
        languages,
        invitations,
        password_reset,
        account,
        password,
        deletion,
        notifications,
        second_factor,
        passkeys,
        home,
        sessions,
        session_export,
        curve,
        start,
        limits,
        fleet,
        bulk,
        walls,
        chargers,
        comparison,
        messages,
        behaviour,
        commands,
        commissioning,
        electrician,
        attention,
        people,
        people_export,
        cards,
        cards_export,
        own_cards,
        tariffs,
        sites,
        audit,
        actions,
        health,
        disclosure,
        installable,
    )
)
