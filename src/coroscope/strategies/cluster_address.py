"""Where a cluster's scheduler is, and whether anybody answers there."""

from __future__ import annotations

import asyncio
import os

from coroscope.errors import UsageError

CONNECTING_S = 10.0
"""So long an answer may take."""


async def reachable(address: str) -> str:
    """The scheduler's address, which is one or is in a file; UsageError where nobody answers there."""
    from distributed.comm import get_address_host_port, parse_address

    if "://" not in address and (os.path.isfile(address) or os.sep in address or address.endswith(".json")):
        address = _address_in(address)
    if parse_address(address)[0] in ("tcp", "tls"):
        try:
            host, port = get_address_host_port(address)
        except ValueError as error:
            raise UsageError(
                f"{address!r} is no address of a cluster: give one such as 'tcp://host:8786'"
            ) from error
        try:
            async with asyncio.timeout(CONNECTING_S):
                _, writer = await asyncio.open_connection(host, port)
        except (OSError, TimeoutError) as error:
            raise unreachable(address, error) from error
        writer.close()
    return address


def _address_in(path: str) -> str:
    import json

    try:
        with open(path, encoding="utf-8") as file:
            return str(json.load(file)["address"])
    except OSError as error:
        raise UsageError(
            f"cannot read the scheduler file {path!r} ({error.strerror}): give the one that dask scheduler wrote"
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{path!r} is no scheduler file: give the one that dask scheduler wrote") from error


def unreachable(address: str, error: BaseException) -> UsageError:
    """The error that names the address, and why nobody was reached there."""
    if isinstance(error, ConnectionRefusedError):
        why = "the connection was refused"
    elif isinstance(error, TimeoutError):
        why = f"no answer within {CONNECTING_S:.0f} s"
    else:
        why = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return UsageError(
        f"cannot connect to the cluster at {address!r} ({why}): start one there with 'dask scheduler', "
        "or leave the address out for a local one"
    )
