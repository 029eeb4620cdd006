"""What fields of one's own systems and rules are declared with: numbers with bounds, and `check`, which a description calls in its
`__post_init__` to refuse a value of another type, or out of bounds, in one sentence::

    @dataclass(kw_only=True)
    class Lens(System):
        focal: Positive = 0.1  # [m] focal length
        turns: Annotated[int, Range(ge=1, le=99)] = 3  # of the screw

The comment beside a field is its documentation, its unit first, in brackets: `pnnkern show`, reports and errors say it.
"""

from .._declared import Choice, Count, Length, NotNegative, Positive, Range, Share, Turns, check

__all__ = ["Choice", "Count", "Length", "NotNegative", "Positive", "Range", "Share", "Turns", "check"]
