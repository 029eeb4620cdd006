"""Text of others: nothing of it steers a terminal, a page, a picture or a spreadsheet."""

import csv
import io

import numpy as np
import pytest

from pnnkern.experiments import text


@pytest.mark.parametrize("hidden", ["\x1b[31m", "\x07", "\r", "\n", "\x00", "\x9b2J", "\u202e", "\u2028", "\udcff", "\u200b"])
def test_what_is_not_printed_is_written_as_its_code(hidden: str) -> None:
    shown = text.plain(f"a{hidden}b")
    assert hidden not in shown
    assert f"\\u{ord(hidden[0]):04x}" in shown
    shown.encode()
    assert text.plain("run ü µ 名") == "run ü µ 名"


def test_lines_stay_lines() -> None:
    assert text.lines("a\nb\x1b") == "a\nb\\u001b"


def test_nothing_is_a_formula_in_a_picture() -> None:
    assert text.drawn("cost $x_1$") == r"cost \$x_1\$"
    assert text.drawn("_hidden") == " _hidden"


def test_long_names_lose_their_middle() -> None:
    assert text.short("abcdefghij", 10) == "abcdefghij"
    assert text.short("abcdefghij", 5) == "ab…ij"
    assert text.short("abcdefghij", 5, 1) == "abcd…"


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", " =1", "\t=1", "＝1"])
def test_no_cell_of_a_table_is_a_formula(cell: str) -> None:
    head, row = csv.reader(io.StringIO(text.table({cell: [cell]}).decode()))
    assert head[0].startswith(("'", "\\u"))
    assert row[0].startswith(("'", "\\u"))


def test_tables_hold_their_numbers() -> None:
    written = text.table({"x": np.array([-1.5, 0.1]), "n": [1, 2], "what": ["a,b", None], "short": [True]})
    assert written == b'x,n,what,short\n-1.5,1,"a,b",True\n0.1,2,,\n'
    values = np.arange(6.0).reshape(2, 3) / 7
    head, *rows = csv.reader(io.StringIO(text.plane(values, np.arange(3), np.array([-0.5, 0.5]), "y \\ x (mm)").decode()))
    assert head == ["y \\ x (mm)", "0", "1", "2"]
    read = np.array(rows, float)
    np.testing.assert_array_equal(read[:, 0], [-0.5, 0.5])
    np.testing.assert_allclose(read[:, 1:], values, rtol=1e-5)
