"""The rights on Redis that `docs/users.acl` gives. That they are enough is shown by every test with a real process."""

from __future__ import annotations

import pytest
import redis

from tests.support.valkey import Valkey, as_user

USERS = ("polaris-web", "polaris-bridge")
REFUSED = (
    ("FLUSHALL",),
    ("KEYS", "*"),
    ("CONFIG", "GET", "*"),
    ("CLIENT", "LIST"),
    ("ACL", "LIST"),
    ("MONITOR",),
    ("SHUTDOWN",),
    ("SCRIPT", "FLUSH"),
    ("GET", "somebody:else"),
    ("PUBLISH", "somebody:else", "hello"),
    ("SUBSCRIBE", "somebody:else"),
    ("PSUBSCRIBE", "*"),
    ("EVAL", "return redis.call('PUBLISH', 'somebody:else', 'hello')", "0"),
)


@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize("command", REFUSED, ids=" ".join)
def test_refuses_what_is_not_needed(valkey: Valkey, redis_url: str, user: str, command: tuple[str, ...]) -> None:
    with (
        redis.Redis.from_url(as_user(redis_url, user)) as client,
        pytest.raises(redis.ResponseError, match="permission"),
    ):
        client.execute_command(*command)
    valkey.forget_refusals()


def test_bridge_has_no_keys(valkey: Valkey, redis_url: str) -> None:
    url = as_user(redis_url, "polaris-bridge")
    with redis.Redis.from_url(url) as client, pytest.raises(redis.exceptions.NoPermissionError):
        client.get("attempts:anything")
    valkey.forget_refusals()


@pytest.mark.parametrize("user", USERS)
def test_wrong_password(valkey: Valkey, redis_url: str, user: str) -> None:
    url = redis_url.replace("unix:///", f"unix://{user}:wrong@/")
    with redis.Redis.from_url(url) as client, pytest.raises(redis.exceptions.AuthenticationError):
        client.ping()
    valkey.forget_refusals()
