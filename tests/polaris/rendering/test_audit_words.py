"""Every action that the code records has words."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from flask import Flask
from flask_babel import Babel

from polaris.rendering import audit_words
from polaris.rendering.audit_words import ACTIONS

ROOT = Path(__file__).resolve().parents[3] / "polaris"
ACTION = re.compile(r"[a-z_]+\.[a-z_]+")
CONSTANTS = {"charger.key_rotated", "account.erased"}  # recorded by the name of a constant
COMPUTED = {  # recorded as f"{…}.removed", f"bulk.{…}"
    "authenticator_app.removed",
    "bulk.cancel",
    "bulk.dry_run",
    "bulk.pause",
    "bulk.resume",
    "bulk.start",
    "passkey.removed",
}
OTHERS = {"account.json", "sessions.csv", "polaris.attempts", "policy.violated"}  # files, a key, a line of another log


def recorded() -> set[str]:
    """Return what looks like an action in the modules that record some."""
    found: set[str] = set()
    for path in ROOT.rglob("*.py"):
        tree = ast.parse(path.read_text())
        if records(tree) or exports(tree) or path.name == "security_events.py":
            texts = (node.value for node in ast.walk(tree) if isinstance(node, ast.Constant))
            found |= {text for text in texts if isinstance(text, str) and ACTION.fullmatch(text)}
    return (found | CONSTANTS | COMPUTED) - OTHERS


def records(tree: ast.Module) -> bool:
    names = {
        name.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").endswith("audit")
        for name in node.names
    }
    return "record" in names


def exports(tree: ast.Module) -> bool:
    """Whether a module names the action of a file that is taken out."""
    calls = (node.func for node in ast.walk(tree) if isinstance(node, ast.Call))
    return any(isinstance(function, ast.Attribute) and function.attr == "note_export" for function in calls)


def test_every_action_has_words() -> None:
    assert recorded() - ACTIONS.keys() == set()
    assert ACTIONS.keys() - recorded() == set(), "words of what nothing records"


def test_words_differ() -> None:
    assert len(set(ACTIONS.values())) == len(ACTIONS)


@pytest.fixture
def app() -> Flask:
    app = Flask(__name__)
    Babel(app)
    return app


def test_unknown_action_stays(app: Flask) -> None:
    with app.test_request_context():
        assert audit_words.audit_action("charger.blocked") == "Blocked charger"
        assert audit_words.audit_action("<b>.odd") == "<b>.odd"


def test_choices_in_order_of_words(app: Flask) -> None:
    with app.test_request_context():
        words = [words for _, words in audit_words.choices()]
    assert words == sorted(ACTIONS.values())


def test_address_of_actor() -> None:
    assert audit_words.actor_address("address 198.51.100.7") == "198.51.100.7"
    assert audit_words.actor_address("olga@example.com") == ""
