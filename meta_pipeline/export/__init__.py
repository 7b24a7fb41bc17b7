"""Export: tell other catalogues what the marts know."""

from __future__ import annotations

__all__: list[str] = []
