# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.policy.rate`.
"""

from __future__ import annotations

from fractions import Fraction

from attrs import define, field
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mcpd.policy.rate import Meter
from mcpd.units import Rate

TODAY = 1_800_000_000.0


@define
class Bucket:
    """
    The rule as one would explain it: tokens that drip into a bucket, without any rounding.
    """

    rate: Rate
    now: Fraction
    tokens: Fraction = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.tokens = Fraction(self.rate.burst)

    def take(self, now: Fraction, cost: int) -> Fraction:
        """
        Take tokens; else the seconds until there are enough.
        """
        dripped = (now - self.now) * self.rate.per_second
        self.tokens, self.now = min(self.tokens + dripped, Fraction(self.rate.burst)), now
        if self.tokens >= cost:
            self.tokens -= cost
            return Fraction(0)
        return (cost - self.tokens) / self.rate.per_second


RATES = st.builds(Rate, st.integers(1, 10_000), st.integers(1, 500))
# Pauses in eighths of a second, which are exact, and costs.
STEPS = st.lists(st.tuples(st.integers(0, 40), st.integers(1, 3)), max_size=60)


class MeterTests(SynchronousTestCase):
    """
    Tests for one client's rate.
    """

    def taken(self, meter: Meter, now: float, tries: int = 1000) -> int:
        """
        Take as much as there is.
        """
        return sum(meter.take(now) == 0.0 for _ in range(tries))

    def test_burst(self) -> None:
        """
        A burst may come at once, and not one more.
        """
        for now in (0.0, 0.1, TODAY, -5.0):
            self.assertEqual(self.taken(Meter(Rate(100, 200)), now), 200, now)

    def test_refill(self) -> None:
        """
        So many a second come back, to the last one, and never more than the burst.
        """
        meter = Meter(Rate(100, 200))
        self.taken(meter, TODAY)
        self.assertEqual(self.taken(meter, TODAY + 0.5), 50)
        self.assertEqual(self.taken(meter, TODAY + 1.5), 100)
        self.assertEqual(self.taken(meter, TODAY + 1000), 200)

    def test_steady(self) -> None:
        """
        Who keeps to the rate is never refused, however long that goes on.
        """
        meter = Meter(Rate(8, 1))
        for count in range(10_000):
            self.assertEqual(meter.take(TODAY + count / 8), 0.0)
            self.assertGreater(meter.take(TODAY + count / 8), 0.0)

    def test_told(self) -> None:
        """
        Who is refused is told how long to wait.
        """
        meter = Meter(Rate(4, 2))
        meter.take(TODAY, 2)
        self.assertAlmostEqual(meter.take(TODAY), 0.25, places=5)
        self.assertAlmostEqual(meter.take(TODAY, 2), 0.5, places=5)
        self.assertAlmostEqual(meter.take(TODAY + 0.125), 0.125, places=5)

    def test_refusals_cost_nothing(self) -> None:
        """
        Who asks in vain does not wait longer for it.
        """
        meter = Meter(Rate(1, 1))
        meter.take(TODAY)
        for _ in range(100):
            meter.take(TODAY + 0.5)
        self.assertEqual(meter.take(TODAY + 1), 0.0)

    def test_two(self) -> None:
        """
        What one client takes is not missing to another.
        """
        one, other = Meter(Rate(1, 1)), Meter(Rate(1, 1))
        one.take(TODAY)
        self.assertEqual(other.take(TODAY), 0.0)

    def test_clock_back(self) -> None:
        """
        After the clock went back by an hour a client waits no longer than for an empty bucket.
        """
        meter = Meter(Rate(10, 20))
        self.taken(meter, TODAY)
        earlier = TODAY - 3600
        self.assertAlmostEqual(meter.take(earlier), 0.1, places=5)
        self.assertEqual(self.taken(meter, earlier), 0)
        self.assertEqual(self.taken(meter, earlier + 1), 10)
        self.assertEqual(self.taken(meter, earlier + 100), 20)

    def test_clock_back_taken(self) -> None:
        """
        A clock that goes back and forth gives nobody more than a burst and what came back since.
        """
        meter = Meter(Rate(10, 20))
        taken = sum(self.taken(meter, TODAY - back) for back in (0.0, 1.0, 0.0, 2.0, 0.0, 3600.0, 0.0))
        self.assertLessEqual(taken, 20 + 10 * 1 + 10 * 2 + 20)

    @given(RATES, STEPS)
    def test_bucket(self, rate: Rate, steps: list[tuple[int, int]]) -> None:
        """
        Whatever comes when, it is what a bucket of tokens without any rounding gives.
        """
        meter, bucket = Meter(rate), Bucket(rate, Fraction(TODAY))
        now = Fraction(TODAY)
        for eighths, cost in steps:
            now += Fraction(eighths, 8)
            wait, exact = meter.take(float(now), cost), bucket.take(now, cost)
            self.assertEqual(wait == 0.0, exact == 0)
            self.assertAlmostEqual(wait, float(exact), places=5)

    @given(
        st.builds(Rate, st.integers(1, 999_999), st.integers(1, 500)),
        st.lists(st.floats(0, 3), max_size=40),
        st.integers(1, 3),
    )
    def test_wait(self, rate: Rate, pauses: list[float], cost: int) -> None:
        """
        Who waits as long as told is let through, whatever the clock rounds.
        """
        meter, now, cost = Meter(rate), TODAY, min(cost, rate.burst)
        for pause in (0.0, *pauses):
            now += pause
            self.taken(meter, now, rate.burst)
            wait = meter.take(now, cost)
            if wait:
                now += wait
                self.assertEqual(meter.take(now, cost), 0.0)
