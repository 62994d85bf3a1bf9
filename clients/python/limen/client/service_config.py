"""The service config: how gRPC balances, checks, retries and holds back, on its own.

gRPC core acts on it below Python, per gRFC A2 (service configs), A6 (retries) and A17 (health
checks by the client). The retries are those that the contract allows and no others.
"""

import json
from collections.abc import Mapping, Sequence

RETRY_POLICY: Mapping[str, object] = {
    # gRPC core spreads each pause at random around its length, so that callers do not return
    # to a server that was just restarted all at once. All attempts share the call's deadline.
    "maxAttempts": 4,
    "initialBackoff": "0.1s",
    "maxBackoff": "1s",
    "backoffMultiplier": 2,
    "retryableStatusCodes": ["UNAVAILABLE"],
}

RETRY_THROTTLING: Mapping[str, object] = {
    # A failed attempt takes one token, a success gives a tenth back. Below half of the tokens no
    # call is retried: retries must not multiply the load on servers that are failing anyway.
    "maxTokens": 20,
    "tokenRatio": 0.1,
}


def service_config(idempotent: Sequence[tuple[str, str]], *, wait_for_ready: bool) -> str:
    """The service config as JSON.

    `idempotent` names the RPCs to retry, as (service, method). With `wait_for_ready` calls wait
    for a server, within their deadline, where they would fail at once.
    """
    return json.dumps(
        {
            "loadBalancingConfig": [{"round_robin": {}}],
            # The empty name asks for the health of the server as a whole.
            "healthCheckConfig": {"serviceName": ""},
            "retryThrottling": RETRY_THROTTLING,
            "methodConfig": [
                {"name": [{}], "waitForReady": wait_for_ready},
                {
                    "name": [
                        {"service": service, "method": method} for service, method in idempotent
                    ],
                    "retryPolicy": RETRY_POLICY,
                    "waitForReady": wait_for_ready,
                },
            ],
        }
    )
