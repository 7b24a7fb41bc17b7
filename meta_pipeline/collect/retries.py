"""Trying again, where that may help: a few times, each after a longer pause."""

from __future__ import annotations

from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_exponential

from meta_pipeline.exceptions import DestinationInterruptedError

ATTEMPTS = 3

tried_again = retry(
    retry=retry_if_exception_type(DestinationInterruptedError),
    stop=stop_after_attempt(ATTEMPTS),
    wait=wait_exponential(),
    reraise=True,
)
"""Decorates what is called again when the destination was interrupted, first after one second, then after two."""
