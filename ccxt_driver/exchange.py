"""A ccxt exchange that waits for its answers."""

import time
from typing import Any

import ccxt
from ccxt.base.errors import BaseError

from ccxt_driver.base import Driven, carried_out
from ccxt_driver.steps import Markets, Pause, Plan
from ccxt_driver.words import snake


def _method(plan: Any) -> Any:
    def method(self, *args: Any, **kwargs: Any) -> Any:
        return self.oms_do(plan(self, *args, **kwargs))

    return method


@carried_out(_method)
class OmsCcxtExchange(Driven, ccxt.Exchange):
    """An account of the OMS, as the ccxt exchange it is at."""

    def oms_do(self, plan: Plan) -> Any:
        """Carry out a plan, step by step."""
        answer: Any = None
        error: BaseError | None = None
        while True:
            try:
                step = plan.send(answer) if error is None else plan.throw(error)
            except StopIteration as done:
                return done.value
            answer = error = None
            try:
                answer = self._oms_step(step)
            except BaseError as failure:
                error = failure

    def oms_asked(self, name: str, shape: Any) -> Any:
        """An implicit method that the answer of the unified method ``name`` stands for."""

        def method(*_args: Any, **_kwargs: Any) -> Any:
            return shape(self.oms_do(self.oms_plan(snake(name))))

        return method

    def _oms_step(self, step: Any) -> Any:
        if isinstance(step, Pause):
            return time.sleep(step.seconds)
        if isinstance(step, Markets):
            return self.load_markets()
        url, method, headers, body = self.oms_request(step)
        return self.fetch(url, method, headers, body)
