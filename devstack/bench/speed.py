"""How fast this machine is just now, to compare CPU milliseconds of two runs by."""

import time
from typing import Final

import orjson

_DECODED: Final = 200_000


def decoding_us() -> float:
    """Return the CPU microseconds that it takes to decode an object of 500 bytes.

    It took 0.8 where the targets that are milliseconds of CPU were set.
    """
    text = orjson.dumps({f"field_{number}": "x" * 35 for number in range(10)})
    began = time.process_time()
    for _ in range(_DECODED):
        orjson.loads(text)
    return (time.process_time() - began) / _DECODED * 1e6
