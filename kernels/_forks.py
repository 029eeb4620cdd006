"""What a process leaves behind when it is forked, and how its children do without."""

import os
from collections.abc import Callable
from typing import Any


def in_child(action: Callable[[], None]) -> Callable[[], None]:
    """Have `action` called first in every child that is forked off this process."""
    if hasattr(os, "register_at_fork"):  # Windows starts its processes otherwise
        os.register_at_fork(after_in_child=action)
    return action


def unlocked(lock: Any) -> Any:
    """`lock`, free in every child: a fork waits until no other thread holds it, as that thread would not be there to release it."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=lock.acquire, after_in_parent=lock.release, after_in_child=lock.release)
    return lock


__all__ = ["in_child", "unlocked"]
