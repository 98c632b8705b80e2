"""Names of secrets are told from similar ones, and addresses keep their place alone."""

from __future__ import annotations

import pytest

from polaris.domain.redaction import is_secret, without_secrets


@pytest.mark.parametrize(
    "name",
    [
        *("ChargeAmpsPin", "UserPIN", "PinCode", "PINCode", "PINCODE", "pin", "pin_code", "simPin", "Pin"),
        *("AccessToken", "token", "ValidToken", "API_TOKEN", "ApiKey", "api_key", "ClientSecret", "WifiPassphrase"),
        *("WifiPsk", "Credentials", "PrivateKey", "AuthorizationKey", "BasicAuthPassword"),
    ],
)
def test_secret_known_by_name(name: str) -> None:
    assert is_secret(name)


@pytest.mark.parametrize(
    "name",
    [
        *("PingInterval", "WebSocketPingInterval", "PINNED", "PINGING", "Spinner", "Pinned", "spin", "Shipping"),
        *("idToken", "groupIdToken", "additionalIdToken", "id_token", "ID_TOKEN", "IdTokenLength", "PublicKey", None),
    ],
)
def test_other_name_is_no_secret(name: object) -> None:
    assert not is_secret(name)


@pytest.mark.parametrize(
    ("text", "public"),
    [
        ("https://h/u?token=abc&sig=def", "https://h/u?***"),
        ("https://h?abc", "https://h?***"),
        ("https://h/u#abc", "https://h/u#***"),
        ("https://h/u?", "https://h/u?"),
        ("ftp://ada:pw@h/u?sig=def", "ftp://***@h/u?***"),
        ("ftp://ada:p@w@h/u", "ftp://***@h/u"),
        ("ftp://ada:p?w@h/u", "ftp://***"),
        ("https://h?mail=ada@example.com&sig=def", "https://***"),
        ('{"a":"https://h/u?sig=def","b":"http://h/?x y"}', '{"a":"https://h/u?***","b":"http://h/?*** y"}'),
        ("is it ada@example.com?", "is it ada@example.com?"),
        ("https://h/u", "https://h/u"),
    ],
)
def test_address_without_its_secrets(text: str, public: str) -> None:
    assert without_secrets(text) == public
