"""One run on golden twins, every digital result of which generated RTL has to give as well."""

from collections import Counter
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sim.comparison import BitComparison, Call, arrays, split

WORKERS = 2
ENOUGH = 2**22  # results of one unit that are given to a worker together
WAITING = 2**27  # results that may wait for their RTL


@dataclass(frozen=True, kw_only=True)
class Bundles:
    """Which calls RTL gets together, and which it must get in order.

    Parameters
    ----------
    joined : mapping of str to int
        Units that treat the rows of their first arguments alike, and how many arguments these are.
    in_order : tuple of str
        Units that go on from their last call.
    """

    joined: Mapping[str, int] = field(default_factory=dict)
    in_order: tuple[str, ...] = ()


class CheckedUnits:
    """Digital units on golden twins that have every result checked by RTL, a little later.

    Until the first difference the operands of a call are those of a run on RTL alone. RTL works in
    threads of its own; calls that can go together wait until a batch of them has come.

    Parameters
    ----------
    golden, rtl : object
        The twins, whose results are given, and the kernels, with the same methods.
    comparison : BitComparison
        Where results are compared.
    bundles : Bundles
        Which calls go together.

    Attributes
    ----------
    step : int
        Training step of the calls to come.
    checking : bool
        False lets the twins work alone.
    failure : str
        What a kernel said that failed.
    """

    def __init__(
        self,
        golden: Any,
        rtl: Any,
        comparison: BitComparison,
        bundles: Bundles | None = None,
    ):
        self._golden, self._rtl, self.comparison = golden, rtl, comparison
        self._bundles = bundles or Bundles()
        self.checking, self.failure = True, ""
        self.step, self._number, self._waiting = 0, 0, 0
        self._groups: dict[tuple, list[Call]] = {}
        self._sizes: Counter[tuple] = Counter()  # of each group
        self._jobs: list[tuple[Future[None], int]] = []
        self._pool = ThreadPoolExecutor(WORKERS)

    def __getattr__(self, name: str) -> Any:
        unit = getattr(self._golden, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            result = unit(*args, **kwargs)
            if self.checking:
                self._take(name, args, kwargs, result)
            return result

        return call

    def _take(self, unit: str, args: tuple, kwargs: dict[str, Any], result: Any) -> None:
        self._number += 1
        for part in arrays((args, tuple(kwargs.values()), result)):
            part.flags.writeable = False  # it is looked at later
        call = Call(unit, args, kwargs, result, (self.step, self._number))
        if unit in self._bundles.in_order:
            self._check([call])
            return
        key = call.group(self._bundles.joined.get(unit, 0))
        self._groups.setdefault(key, []).append(call)
        self._waiting += call.size
        self._sizes[key] += call.size
        if self._sizes[key] >= ENOUGH:
            self._start(key)

    def _start(self, group: tuple) -> None:
        calls, size = self._groups.pop(group), self._sizes.pop(group)
        self._jobs.append((self._pool.submit(self._check, calls), size))

    def _check(self, calls: list[Call]) -> None:
        if self.failure:
            return
        try:
            for call, rtl in zip(calls, self._on_rtl(calls), strict=True):
                self.comparison.compare(call, rtl)
        except RuntimeError as error:  # a kernel is stuck, or not what it should be
            step, number = calls[0].place
            self.failure = self.failure or f"step {step}, call {number}: {error}"

    def _on_rtl(self, calls: list[Call]) -> list[Any]:
        unit, (first, *_) = getattr(self._rtl, calls[0].unit), calls
        if len(calls) == 1:
            return [unit(*first.args, **first.kwargs)]
        joined = range(self._bundles.joined[first.unit])
        together = [np.concatenate([one.args[n] for one in calls]) for n in joined]
        ends = np.cumsum([len(one.args[0]) for one in calls])[:-1]
        return split(unit(*together, *first.args[len(joined) :], **first.kwargs), ends)

    def next_step(self) -> bool:
        """End a step; tell whether all that is known by now is equal."""
        self.step, self._number = self.step + 1, 0
        if self._sizes.total() >= ENOUGH:
            for group in list(self._groups):
                self._start(group)
        while self._jobs and (self._waiting > WAITING or self._jobs[0][0].done()):
            job, size = self._jobs.pop(0)
            job.result()
            self._waiting -= size
        return self.is_equal

    def drain(self) -> bool:
        """Wait for all results; tell whether they are equal."""
        for group in list(self._groups):
            self._start(group)
        while self._jobs:
            job, size = self._jobs.pop(0)
            job.result()
            self._waiting -= size
        return self.is_equal

    @property
    def is_equal(self) -> bool:
        """Nothing has differed or failed so far."""
        return not self.failure and self.comparison.first is None

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown(cancel_futures=True)
