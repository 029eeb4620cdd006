"""CPU twin of shares.cu."""


def pnn_shares_add(n, *pointers):
    """out = ((s0 + s1) + s2) + ..., of as many as there are. pointers : 8 shares, out."""
    first, *others, out = pointers
    out[:] = first
    for share in others:
        if share.size:
            out += share
