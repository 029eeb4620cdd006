"""Which work on a GPU comes before which: streams run beside each other, but for what waits, events and the host make them do."""

Key = tuple[int, int]  # device, address of the stream; address 0 is the null stream
Mark = tuple[Key, int]  # the n-th piece of work of a stream
Marks = dict[Key, int]  # so far in each stream

issued: Marks = {}
finished: Marks = {}
waited: dict[Key, Marks] = {}  # what a stream has waited for
blocking: set[Key] = set()  # streams that keep order with the null stream
hazards: list[str] = []  # what came to light when memory was given back, where nothing can be raised
generation = 0


def reset() -> None:
    """Nothing has been issued."""
    global generation
    generation += 1
    for held in (issued, finished, waited, blocking, hazards):
        held.clear()


def issue(key: Key) -> Mark:
    """One more piece of work."""
    issued[key] = issued.get(key, 0) + 1
    return key, issued[key]


def before(mark: Mark, key: Key) -> bool:
    """Whether that work is done before anything that is issued to stream `key` from now on."""
    stream, n = mark
    return stream == key or n <= finished.get(stream, 0) or n <= waited.get(key, {}).get(stream, 0) or _in_step(stream, key)


def _in_step(a: Key, b: Key) -> bool:
    return a[0] == b[0] and ((a[1] == 0 and b in blocking) or (b[1] == 0 and a in blocking))


def so_far(key: Key) -> Marks:
    """What is done when all that was issued to a stream is."""
    others = [other for other in issued if other == key or _in_step(other, key)]
    return _merged(waited.get(key, {}), {other: issued[other] for other in others})


def finish(marks: Marks) -> None:
    """The host has waited for these."""
    finished.update(_merged(finished, marks))


def wait(key: Key, marks: Marks) -> None:
    """A stream waits for these."""
    waited[key] = _merged(waited.get(key, {}), marks)


def _merged(a: Marks, b: Marks) -> Marks:
    return {key: max(a.get(key, 0), b.get(key, 0)) for key in a | b}
