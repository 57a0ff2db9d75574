"""Which bots run, for how long, and what is told of them?"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.clients import comparing, environments
from tests.clients.comparing import Verdict
from tests.clients.environments import Environment
from tests.clients.freqtrade import Freqtrade
from tests.clients.investing import Investing
from tests.clients.stage import Stage
from tests.clients.supervised import Supervised as Bot

PATIENCE_S = 2400
TOLD_EVERY_S = 15
SETTLES_S = 30
QUIET_S = 15  # Each bot looks at its orders once more.

Say = Callable[[str], None]


@dataclass(frozen=True)
class SetUp:
    """``rounds``: so many entries, and so many exits, are wanted of it."""

    requirements: str
    on_futures: bool
    made: Callable[..., Bot]
    rounds: int = 10


SET_UPS: Mapping[str, SetUp] = {
    "freqtrade-spot": SetUp("freqtrade", False, Freqtrade),
    "freqtrade-spot-stops": SetUp("freqtrade", False, partial(Freqtrade, stops_on_exchange=True)),
    "freqtrade-usdm": SetUp("freqtrade", True, Freqtrade),
    "freqtrade-usdm-stops": SetUp("freqtrade", True, partial(Freqtrade, stops_on_exchange=True)),
    "investing-spot": SetUp("investing", False, Investing, rounds=25),
}


def run(names: Sequence[str], folder: Path, say: Say) -> int:
    """Returns 0 when every bot's books are the OMS's."""
    wheel = environments.driver_wheel(folder / "wheel")
    wanted = {SET_UPS[name].requirements for name in names}
    made = {each: environments.made(each, wheel, say) for each in sorted(wanted)}
    say("starting the OMS and its venue")
    stage = Stage(folder / "oms")
    bots: list[Bot] = []
    try:
        bots += [_bot(stage, name, made, folder) for name in names]
        for bot in bots:
            say(f"starting {bot.name}")
            bot.start()
        _trade(stage, bots, say)
        stage.freeze()
        say("prices stand still")
        time.sleep(QUIET_S)
        for bot in bots:
            say(f"stopping {bot.name}")
            bot.stop()
        return _told(stage, bots)
    finally:
        for bot in bots:
            bot.stop()
        stage.stop()


def _bot(stage: Stage, name: str, made: Mapping[str, Environment], folder: Path) -> Bot:
    set_up = SET_UPS[name]
    robot = stage.robot(name, stage.usdm if set_up.on_futures else stage.spot)
    return set_up.made(name, made[set_up.requirements], robot, folder / name)


def _trade(stage: Stage, bots: list[Bot], say: Say) -> None:
    """Until each bot has made its rounds, or too long; the OMS is restarted in the middle."""
    deadline, told, restarted = time.monotonic() + PATIENCE_S, 0.0, False
    while time.monotonic() < deadline:
        done = {bot.name: bot.rounds() for bot in bots}
        if time.monotonic() - told > TOLD_EVERY_S:
            told = time.monotonic()
            say(", ".join(f"{name} {ins}/{outs}" for name, (ins, outs) in done.items()))
        if all(min(made) >= SET_UPS[name].rounds // 2 for name, made in done.items()):
            if not restarted:
                stage.restart(say)
            restarted = True
        if restarted and all(_has_done(bot) for bot in bots):
            return
        for bot in bots:
            if bot.gives_up and bot.has_ended:
                bot.start()
        time.sleep(1)


def _has_done(bot: Bot) -> bool:
    return min(bot.rounds()) >= SET_UPS[bot.name].rounds


def _told(stage: Stage, bots: list[Bot]) -> int:
    """Print a line for each bot; 1 if anything differs."""
    print(f"\n{'bot':<22}{'in':>5}{'out':>5}{'orders':>8}{'deals':>7}  its books and the OMS's")
    differences = []
    for bot in bots:
        verdict = _settled(stage, bot)
        said = "equal" if verdict.is_equal else f"{len(verdict.differences)} differences"
        ins, outs = bot.rounds()
        print(f"{bot.name:<22}{ins:>5}{outs:>5}{verdict.orders:>8}{verdict.deals:>7}  {said}")
        differences += [f"{bot.name}: {each}" for each in verdict.differences]
        if not _has_done(bot):
            differences.append(f"{bot.name}: {SET_UPS[bot.name].rounds} of each were wanted")
    for account in stage.accounts:
        differences += comparing.not_agreeing(stage.product, account)
    print("\n".join(differences) or "OMS and venue agree; no order was posted twice")
    return 1 if differences else 0


def _settled(stage: Stage, bot: Bot) -> Verdict:
    """What is on its way when a bot ends is booked a moment later."""
    deadline = time.monotonic() + SETTLES_S
    while True:
        verdict = comparing.compared(stage.product, bot.robot, bot.orders())
        if verdict.is_equal or time.monotonic() > deadline:
            return verdict
        time.sleep(1)
