"""The command line finds what `make run` left, and never mixes it with the settings of another Polaris."""

from pathlib import Path

import pytest

from polaris import development
from polaris.config import ConfigError

SAVED = {"SECRET_KEY": "s" * 32, "CHARGER_KEY_SECRETS": f"1:{'k' * 32}", "OPERATOR_CONTACT": "it's\ntwo lines"}


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    environ = {"POLARIS_VAR": str(tmp_path)}
    development.save(SAVED | environ | {"PATH": "/bin"})
    return environ


def test_saved_settings_are_found(environ: dict[str, str]):
    assert development.with_saved(environ) == SAVED | environ


def test_environment_comes_first(environ: dict[str, str]):
    environ |= {"OPERATOR_CONTACT": "Olga", "SECRET_KEY": ""}
    assert development.with_saved(environ)["OPERATOR_CONTACT"] == "Olga"
    assert development.with_saved(environ)["SECRET_KEY"] == SAVED["SECRET_KEY"]


@pytest.mark.parametrize("name", ["SECRET_KEY", "CHARGER_KEY_SECRETS", "DATABASE_URL", "REDIS_URL"])
def test_other_environment_left_alone(environ: dict[str, str], name: str):
    environ |= {name: "anything"}
    assert development.with_saved(environ) == environ


def test_nothing_saved_changes_nothing(tmp_path: Path):
    environ = {"POLARIS_VAR": str(tmp_path / "nowhere")}
    assert development.with_saved(environ) == environ


def test_unreadable_file_named(environ: dict[str, str], tmp_path: Path):
    (tmp_path / "development.env").write_text("SECRET_KEY='")
    with pytest.raises(ConfigError, match=r"^SECRET_KEY is not set, and .*development\.env cannot be read"):
        development.with_saved(environ)
