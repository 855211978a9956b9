"""How large an integer may be that is a number of a browser: all of those are floating-point ones."""

__all__ = ["MOST_SAFE"]

MOST_SAFE = 2**53 - 1
"""``Number.MAX_SAFE_INTEGER`` of ECMAScript; the same with a minus sign is the smallest one."""
