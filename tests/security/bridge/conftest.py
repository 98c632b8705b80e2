"""The fixtures of the bridge's tests, for attacks on the bridge."""

from tests.ocpp_bridge.conftest import depot, own_depot, pytest_pyfunc_call, shared_bridge

__all__ = ["depot", "own_depot", "pytest_pyfunc_call", "shared_bridge"]
