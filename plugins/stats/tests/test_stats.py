# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests of the plugin for statistics, against Python's own and against numbers that are known.
"""

from __future__ import annotations

import math
import random
import statistics
import tomllib
from pathlib import Path

from plugins.kit.tests import misuse
from plugins.kit.tests.program import Conversation, Json

HERE = Path(__file__).resolve().parents[1]
_CSV = 'city,"a ""b""",c\r\n"x,\ny",1,+10\r\n\r\nz, 2 ,2e1\nw,3,30'


class StatsTests(misuse.Bearing):
    """
    As it is built for use.
    """

    folder, name = HERE, "stats"

    def test_configuration(self) -> None:
        """
        The command in plugin.toml starts this program.
        """
        told = tomllib.loads((HERE / "plugin.toml").read_text())
        self.assertEqual(told["command"], ["./stats"])

    def test_both(self) -> None:
        """
        A legacy client and a modern one are told the same, each in its words.
        """
        self.greet()
        legacy = self.call("describe", {"values": [1, 2]}, modern=False)
        modern = self.call("describe", {"values": [1, 2]})
        self.assertEqual((legacy.get("resultType"), modern["resultType"]), (None, "complete"))
        self.assertEqual(legacy["structuredContent"], modern["structuredContent"])

    def test_listed(self) -> None:
        """
        Every tool says that it changes nothing, and what it gives.
        """
        listed = self.tools()
        self.assertEqual([tool["name"] for tool in listed], ["describe", "regression", "histogram"])
        for tool in listed:
            self.assertTrue(tool["annotations"]["readOnlyHint"])
            self.assertEqual(set(tool["outputSchema"]["required"]), set(tool["outputSchema"]["properties"]))

    def test_many(self) -> None:
        """
        As many numbers as a message holds are taken, up to half a million.
        """
        self.assertEqual(self.give("describe", values=[1, 2] * 250_000)["mean"], 1.5)
        self.assertIn("at most 500000 items", self.refuse("describe", values=[1] * 500_001))
        self.assertIn("more than 500000 rows", self.refuse("describe", csv="1\n" * 500_002, column=1))
        self.assertIn("more than 1000 columns", self.refuse("describe", csv="," * 1000, column=1))


class StatsAsanTests(misuse.Bearing):
    """
    Watched by sanitizers.
    """

    folder, name, asan = HERE, "stats", True


class StatsCase(Conversation):
    """
    Tests of one tool.
    """

    folder, name, asan = HERE, "stats", True

    def near(self, one: float, other: float, within: float = 1e-12) -> None:
        """
        See that two numbers are the same but for the last digits.
        """
        self.assertTrue(math.isclose(one, other, rel_tol=within), f"{one} is not near {other}")


class DescribeTests(StatsCase):
    """
    Descriptions.
    """

    def test_known(self) -> None:
        """
        Small lists are described as textbooks have it.
        """
        told = self.give("describe", values=[2, 4, 4, 4, 5, 5, 7, 9])
        self.near(told.pop("stdev"), math.sqrt(32 / 7))
        self.near(told.pop("skewness"), 0.8184875533567997)
        self.assertEqual(told, {"count": 8, "mean": 5, "min": 2, "q1": 4, "median": 4.5, "q3": 5.5, "max": 9})

    def test_random(self) -> None:
        """
        Python's own statistics say the same.
        """
        chance = random.Random(4)
        for size in (2, 3, 10, 1000):
            values = [chance.gauss(1e6, 3) for _ in range(size)]
            told = self.give("describe", values=values)
            self.near(told["mean"], statistics.fmean(values))
            self.near(told["stdev"], statistics.stdev(values))
            quartiles = statistics.quantiles(values, method="inclusive")
            for name, expected in zip(("q1", "median", "q3"), quartiles, strict=True):
                self.near(told[name], expected)

    def test_sound(self) -> None:
        """
        Neither a large mean nor large or small numbers cost the digits of the deviation.
        """
        for values, stdev in (
            ([1e9 + 4, 1e9 + 7, 1e9 + 13, 1e9 + 16], math.sqrt(30)),
            ([1e15, 1e15 + 1, 1e15 + 2], 1.0),
            ([1e300, 2e300, 3e300], 1e300),
            ([1e-300, 2e-300, 3e-300], 1e-300),
            ([1e308, -1e308, 1e308, -1e308], math.sqrt(4 / 3) * 1e308),
            ([5e-324, 0, 1e-323], 5e-324),
        ):
            self.near(self.give("describe", values=values)["stdev"], stdev)
        self.assertEqual(self.give("describe", values=[1e100, 1, -1e100])["mean"], 1 / 3)
        self.assertIn("too large", self.refuse("describe", values=[1.7e308, -1.7e308]))
        self.close()

    def test_little(self) -> None:
        """
        What cannot be told of few or of equal numbers is null.
        """
        one = self.give("describe", values=[0.1])
        self.assertEqual((one["mean"], one["stdev"], one["skewness"]), (0.1, None, None))
        equal = self.give("describe", values=[0.1] * 10)
        self.assertEqual((equal["mean"], equal["stdev"], equal["skewness"]), (0.1, 0, None))
        self.assertEqual((equal["q1"], equal["q3"]), (0.1, 0.1))
        self.assertIsNone(self.give("describe", values=[1, 2])["skewness"])
        self.assertEqual(self.give("describe", values=[-0.0, 0])["mean"], 0)

    def test_not_numbers(self) -> None:
        """
        Only finite numbers are taken, and at least one.
        """
        wrong: tuple[object, ...] = ([], ["1"], [None], [[1]], {}, "1")
        for values in wrong:
            self.refuse("describe", values=values)
        for text in (b"NaN", b"Infinity", b"1e999"):
            call = b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"arguments":{"values":[%s]}}}'
            self.send(call % text)
            self.assertEqual(self.hear()["error"]["code"], -32700)


class TableTests(StatsCase):
    """
    CSV text.
    """

    def describe(self, csv: str, column: object, **more: object) -> tuple[object, object]:
        """
        Tell the count and the mean of a column.
        """
        told = self.give("describe", csv=csv, column=column, **more)
        return told["count"], told["mean"]

    def test_columns(self) -> None:
        """
        A column is found by name or number, with quotes, empty lines and ends of line of any kind.
        """
        for column in ('a "b"', 2):
            self.assertEqual(self.describe(_CSV, column), (3, 2))
        self.assertEqual(self.describe(_CSV, "c"), (3, 20))
        self.assertEqual(self.describe("\ufeffa;b\n1;2\n", "a", delimiter=";"), (1, 1))
        self.assertEqual(self.describe("1\t2\n3\t4", 2, delimiter="\t", header=False), (2, 3))
        self.assertEqual(self.describe('"1"\n"2"\n', 1, header=False), (2, 1.5))

    def test_empty(self) -> None:
        """
        An empty field is named, or its row left out if that is wanted.
        """
        csv = "a,b\n1,2\n,3\n5,\n"
        self.assertEqual(
            self.refuse("describe", csv=csv, column="a"),
            "Line 3: a field is empty; skip_empty leaves such rows out.",
        )
        self.assertEqual(self.describe(csv, "a", skip_empty=True), (2, 3))
        self.assertEqual(self.describe("a\n1\n\n3\n", "a", skip_empty=True), (2, 2))
        self.assertIn("Line 3", self.refuse("describe", csv="a\n1\n\n3\n", column="a"))
        told = self.refuse("regression", csv=csv, x_column=1, y_column=2, skip_empty=True)
        self.assertEqual(told, "A line wants at least two points.")

    def test_bad(self) -> None:
        """
        What is wrong in a table is told with its line.
        """
        for csv, more, sentence in (
            ("a\n1\nNaN\n", {}, 'Line 3: "NaN" is no finite number.'),
            ("a\ninf", {}, 'Line 2: "inf" is no finite number.'),
            ("a\n1e999", {}, 'Line 2: "1e999" is no finite number.'),
            ("a\n+-1", {}, 'Line 2: "+-1" is no finite number.'),
            ("a\n1,5", {}, "Line 2: there are 2 columns, but in the first row 1."),
            ('a\n"x\n\n', {}, "Line 2: a quote is not closed."),
            ('a\n"x"y\n', {}, "Line 2: there is something between a field and its delimiter."),
            ('"a\nb"\n1\nx', {"column": 1}, 'Line 4: "x" is no finite number.'),
            ("a,a\n1,2", {}, 'Two columns are called "a"; give the number of one.'),
            ("b\n1", {}, 'No column is called "a".'),
            ("b\n1", {"column": 2}, "There is no column 2, only 1."),
            ("\n\n", {}, "There are no rows."),
            ("a\n", {}, "The column has no numbers."),
            (
                "1\n2",
                {"header": False},
                "Without a header there are no names; give the number of the column.",
            ),
        ):
            self.assertEqual(self.refuse("describe", csv=csv, **{"column": "a", **more}), sentence)
        self.close()

    def test_either(self) -> None:
        """
        Numbers come from a list or from a table, not from both nor from nowhere.
        """
        self.assertEqual(self.refuse("describe"), "Give either csv or values.")
        self.assertEqual(self.refuse("describe", values=[1], csv="a\n1"), "Give either csv or values.")
        self.assertEqual(self.refuse("regression", x=[1]), "Give either csv or y.")
        self.assertEqual(self.refuse("describe", csv="a\n1"), "With csv, say the column.")


class RegressionTests(StatsCase):
    """
    Lines.
    """

    def test_known(self) -> None:
        """
        Anscombe's first set has the line that it is known for.
        """
        x = [10, 8, 13, 9, 11, 14, 6, 4, 12, 7, 5]
        y = [8.04, 6.95, 7.58, 8.81, 8.33, 9.96, 7.24, 4.26, 10.84, 4.82, 5.68]
        told = self.give("regression", x=x, y=y)
        for name, expected in (
            ("slope", 0.500090909090909),
            ("intercept", 3.0000909090909),
            ("r2", 0.666542459508775),
            ("slope_error", 0.117905500595634),
            ("intercept_error", 1.12474679080864),
        ):
            self.near(told[name], expected)
        self.assertEqual(told["count"], 11)

    def test_sound(self) -> None:
        """
        Points far away, and of any size, lie on their line.
        """
        for at, unit, slope in ((1e9, 1.0, 2.0), (1e300, 1e299, 1.0), (1e-300, 1e-301, 4.0)):
            x = [at + unit * step for step in range(5)]
            told = self.give("regression", x=x, y=[slope * value for value in x])
            self.near(told["slope"], slope)
            self.near(told["r2"], 1)
        self.close()

    def test_table(self) -> None:
        """
        Columns of a table are taken row by row.
        """
        told = self.give("regression", csv=_CSV, x_column='a "b"', y_column=3)
        self.assertEqual((told["slope"], told["intercept"], told["r2"]), (10, 0, 1))

    def test_little(self) -> None:
        """
        Two points have no errors, a flat line no r2, and equal x no line.
        """
        two = self.give("regression", x=[1, 2], y=[3, 5])
        self.assertEqual((two["slope"], two["intercept"]), (2, 1))
        self.assertEqual((two["slope_error"], two["intercept_error"]), (None, None))
        flat = self.give("regression", x=[1, 2, 3], y=[0.1, 0.1, 0.1])
        self.assertEqual((flat["slope"], flat["intercept"], flat["r2"]), (0, 0.1, None))
        self.assertIn("All x are equal", self.refuse("regression", x=[0.1, 0.1], y=[1, 2]))
        self.assertEqual(self.refuse("regression", x=[1, 2], y=[1]), "There must be as many x as y.")


class HistogramTests(StatsCase):
    """
    Histograms.
    """

    def counts(self, told: Json) -> list[int]:
        """
        Tell the counts; bins that follow each other have an edge in common.
        """
        bins = told["bins"]
        self.assertEqual([one["to"] for one in bins[:-1]], [one["from"] for one in bins[1:]])
        self.assertEqual(sum(one["count"] for one in bins), told["count"])
        return [one["count"] for one in bins]

    def test_given(self) -> None:
        """
        A number at an edge belongs to the bin above, and the greatest to the last.
        """
        told = self.give("histogram", values=[0, 1, 1, 2, 3, 4], bins=4)
        self.assertEqual((self.counts(told), told["rule"]), ([1, 2, 1, 2], "given"))
        self.assertEqual((told["bins"][0]["from"], told["bins"][-1]["to"]), (0, 4))
        self.assertEqual(self.counts(self.give("histogram", values=[3, 5], bins=1)), [2])

    def test_edges(self) -> None:
        """
        Every number is within the edges of the bin that counts it.
        """
        chance = random.Random(5)
        values = [round(chance.uniform(-1, 1), 1) for _ in range(500)]
        for bins in (1, 3, 7, 20, 1000):
            told = self.give("histogram", values=values, bins=bins)
            self.counts(told)
            last = told["bins"][-1]["to"]
            for one in told["bins"]:
                inside = [
                    value
                    for value in values
                    if one["from"] <= value < one["to"] or value == one["to"] == last
                ]
                self.assertEqual(len(inside), one["count"])

    def test_chosen(self) -> None:
        """
        Bins are chosen by Freedman and Diaconis, or by Sturges where half of the numbers are equal.
        """
        told = self.give("histogram", values=list(range(1000)))
        self.assertEqual((len(self.counts(told)), told["rule"]), (10, "freedman-diaconis"))
        told = self.give("histogram", values=[5] * 14 + [1, 9])
        self.assertEqual((self.counts(told), told["rule"]), ([1, 0, 14, 0, 1], "sturges"))
        told = self.give("histogram", values=[*range(100), 1e9])
        self.assertEqual(len(self.counts(told)), 1000)

    def test_extreme(self) -> None:
        """
        The largest numbers have bins; equal ones, and such as are too close, have none.
        """
        told = self.give("histogram", values=[-1.7e308, 0, 1.7e308], bins=2)
        self.assertEqual(self.counts(told), [1, 2])
        self.give("histogram", values=[-1.7e308, 0, 1.7e308])
        self.assertIn("All numbers are equal", self.refuse("histogram", values=[0.1, 0.1]))
        close = [1, 1 + 2**-52]
        self.assertIn("too close", self.refuse("histogram", values=close, bins=5))
        for bins in (0, 1001, -1, 1.5):
            self.refuse("histogram", values=[1, 2], bins=bins)
        self.close()
