"""How do all processes keep to one allowance?

The counts of ``gateway.pacing.counts`` in Redis, by its clock, each step one script. While Redis is
gone, each process counts for itself, and the exchange's own counts in its answers keep them honest.
"""

import asyncio
import logging
from collections.abc import Iterable
from time import monotonic
from typing import Any
from weakref import WeakKeyDictionary

from gateway.pacing.counts import Allowance, Counts, Needs

log = logging.getLogger(__name__)

PREFIX = "oms.pace:"
TIMEOUT_S = 0.2
LOOK_AGAIN_S = 2.0
CONNECTIONS = 64

# ARGV: share, then style, most, period and need of each key.
_TAKE = """
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local share, wait, after = tonumber(ARGV[1]), 0, {}
for i, key in ipairs(KEYS) do
  local style = ARGV[4 * i - 2]
  local most, period = tonumber(ARGV[4 * i - 1]), tonumber(ARGV[4 * i])
  local need = tonumber(ARGV[4 * i + 1])
  local kept = redis.call('HMGET', key, 'used', 'at', 'closed')
  local used, at = tonumber(kept[1] or 0), tonumber(kept[2] or 0)
  local closed = tonumber(kept[3] or 0)
  local pause = 0
  if period == 0 then used = 0
  elseif style == 'window' then
    if math.floor(now / period) > math.floor(at / period) then used = 0 end
    if used > 0 and used + need > most * share then pause = period - now % period end
  else
    used = math.max(0, used - (now - at) * most / period)
    pause = math.max(0, (used - most * share) * period / most)
  end
  if closed > now then pause = closed - now end
  wait = math.max(wait, pause)
  after[i] = used + need
end
if wait > 0 then return tostring(wait) end
for i, key in ipairs(KEYS) do
  redis.call('HSET', key, 'used', tostring(after[i]), 'at', tostring(now))
  redis.call('EXPIRE', key, math.ceil(tonumber(ARGV[4 * i]) * 2) + 3600)
end
return '0'
"""
# ARGV: period and told use of each key.
_HEED = """
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
for i, key in ipairs(KEYS) do
  local period, told = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
  local kept = redis.call('HMGET', key, 'used', 'at')
  local used, at = tonumber(kept[1] or 0), tonumber(kept[2] or 0)
  if math.floor(now / period) > math.floor(at / period) then used = 0 end
  if told > used then redis.call('HSET', key, 'used', tostring(told), 'at', tostring(now)) end
end
"""
# ARGV: seconds.
_CLOSE = """
local time = redis.call('TIME')
local until_s = time[1] + time[2] / 1000000 + tonumber(ARGV[1])
for _, key in ipairs(KEYS) do
  if until_s > tonumber(redis.call('HGET', key, 'closed') or 0) then
    redis.call('HSET', key, 'closed', tostring(until_s))
    redis.call('EXPIRE', key, math.ceil(tonumber(ARGV[1])) + 3600)
  end
end
"""


class SharedCounts:
    """The same as ``Counts``, for every process that uses this Redis."""

    def __init__(self, url: str) -> None:
        import redis  # Only where Redis is used.

        self._url = url
        self._errors = (redis.RedisError, OSError, TimeoutError)
        self._alone = Counts()
        self._gone_until_s = 0.0
        self._clients: WeakKeyDictionary[asyncio.AbstractEventLoop, Any] = WeakKeyDictionary()

    async def take(self, needs: Needs, share: float) -> float:
        """Take all of it or nothing; returns 0, or the seconds until it is worth asking again."""
        needs = list(needs)
        words: list[Any] = [share]
        for allowance, need in needs:
            words += [allowance.style.value, allowance.most, allowance.period_s, need]
        answer = await self._run(_TAKE, [allowance for allowance, _ in needs], words)
        return await self._alone.take(needs, share) if answer is None else float(answer)

    async def heed(self, told: Needs) -> None:
        """Count at least what the exchange has counted."""
        told = list(told)
        words = [word for allowance, used in told for word in (allowance.period_s, used)]
        await self._run(_HEED, [allowance for allowance, _ in told], words)
        await self._alone.heed(told)

    async def close(self, allowances: Iterable[Allowance], for_s: float) -> None:
        """Allow nothing for so many seconds."""
        allowances = list(allowances)
        await self._run(_CLOSE, allowances, [for_s])
        await self._alone.close(allowances, for_s)

    async def _run(
        self, script: str, allowances: list[Allowance], words: list[Any]
    ) -> bytes | None:
        """What a script answered; ``None``: nothing, or there is no Redis."""
        if monotonic() < self._gone_until_s:
            return None
        keys = [PREFIX + allowance.key for allowance in allowances]
        try:
            return await self._client().eval(script, len(keys), *keys, *words)
        except self._errors:
            log.warning("pacing.alone", extra={"for_s": LOOK_AGAIN_S})
            self._gone_until_s = monotonic() + LOOK_AGAIN_S
            return None

    def _client(self) -> Any:
        """One for each loop: its connections belong to the loop they were made on."""
        import redis.asyncio

        loop = asyncio.get_running_loop()
        if loop not in self._clients:
            self._clients[loop] = redis.asyncio.Redis.from_url(
                self._url,
                socket_timeout=TIMEOUT_S,
                socket_connect_timeout=TIMEOUT_S,
                max_connections=CONNECTIONS,
            )
        return self._clients[loop]
