"""Whole numbers as bytes: seven bits a byte, small ones short."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence


class DamageError(ValueError):
    """Bytes are not what was written."""


def packed(values: Iterable[int]) -> bytes:
    """Differences from one to the next."""
    last = 0
    differences = []
    for value in values:
        differences.append(zigzag(value - last))
        last = value
    return packed_raw(differences)


def unpacked(data: bytes) -> list[int]:
    """What `packed` was given. DamageError where the bytes are no numbers."""
    value = 0
    values = []
    for difference in unpacked_raw(data):
        value += unzigzag(difference)
        values.append(value)
    return values


def packed_values(values: Iterable[int]) -> bytes:
    """Values, of which one that is the next new one takes a byte."""
    return packed_raw(_news_of(values))


def unpacked_values(data: bytes) -> list[int]:
    """What `packed_values` was given. DamageError where the bytes are no numbers."""
    return _from_news(unpacked_raw(data))


def packed_raw(numbers: Sequence[int]) -> bytes:
    """Seven bits a byte, the last of each number without its eighth."""
    packed = bytearray()
    append = packed.append
    for number in numbers:
        while number > 127:
            append(number & 127 | 128)
            number >>= 7
        append(number)
    return bytes(packed)


def unpacked_raw(data: bytes) -> array[int]:
    """What `packed_raw` was given. DamageError where the bytes are no numbers."""
    numbers = array("q")
    append = numbers.append
    number = shift = 0
    for byte in data:
        if byte < 128 and not shift:
            append(byte)
            continue
        number |= (byte & 127) << shift
        if byte & 128:
            shift += 7
            if shift > 56:
                raise DamageError("it is damaged")
        else:
            append(number)
            number = shift = 0
    if shift:
        raise DamageError("it is cut short")
    return numbers


def zigzag(number: int) -> int:
    """A number without a sign, small where `number` is near 0."""
    return number << 1 if number >= 0 else (-number << 1) - 1


def unzigzag(number: int) -> int:
    """The number that became `number` by `zigzag`."""
    return -((number + 1) >> 1) if number & 1 else number >> 1


def _news_of(values: Iterable[int]) -> list[int]:
    """Values, of which one that is the next new one is a small number, whatever its own is."""
    found: list[int] = []
    newest, oldest = 0, 0
    for value in values:
        if value >= 0:
            found.append(zigzag(newest - value) << 1)
            newest = max(newest, value)
        else:
            found.append(zigzag(value - oldest) << 1 | 1)
            oldest = min(oldest, value)
    return found


def _from_news(raw: Iterable[int]) -> list[int]:
    values: list[int] = []
    newest, oldest = 0, 0
    for number in raw:
        if number & 1:
            value = unzigzag(number >> 1) + oldest
            oldest = min(oldest, value)
        else:
            value = newest - unzigzag(number >> 1)
            newest = max(newest, value)
        values.append(value)
    return values
