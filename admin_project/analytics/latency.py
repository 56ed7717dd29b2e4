"""Durations in buckets, each a tenth longer than the one before: percentiles that can be added."""

import math
from collections.abc import Mapping
from datetime import timedelta
from typing import Final

_GROWTH: Final = math.log(1.1)
_LONGEST: Final = 250
"""About seven months: what takes longer counts as that."""


def bucket_of(duration: timedelta) -> int:
    """Return the number of the bucket: 0 up to a millisecond, then 1.1 ms, 1.21 ms and so on."""
    milliseconds = duration / timedelta(milliseconds=1)
    if milliseconds <= 1:
        return 0
    return min(math.ceil(round(math.log(milliseconds) / _GROWTH, 9)), _LONGEST)


def milliseconds_of(bucket: int) -> float:
    """Return the longest duration of a bucket, in milliseconds."""
    return math.exp(bucket * _GROWTH)


def percentile(counts: Mapping[int, int], share: float) -> float | None:
    """Return the milliseconds that this share of durations took at most, up to a tenth too many."""
    rank = math.ceil(sum(counts.values()) * share)
    seen = 0
    for bucket in sorted(counts):
        seen += counts[bucket]
        if rank and seen >= rank:
            return milliseconds_of(bucket)
    return None
