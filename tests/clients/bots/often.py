"""A strategy for freqtrade that enters and leaves by the clock, and long and short in turns."""

from datetime import datetime, timedelta

from freqtrade.persistence import PairLocks
from freqtrade.strategy import IStrategy
from pandas import DataFrame


class Often(IStrategy):
    """In for two candles, out for two; on futures every other time short."""

    INTERFACE_VERSION = 3
    timeframe = "1m"
    startup_candle_count = 20
    minimal_roi = {"0": 10}
    stoploss = -0.004

    @property
    def can_short(self) -> bool:
        """Whatever the market can."""
        return self.config["trading_mode"] == "futures"

    def bot_loop_start(self, current_time: datetime, **kwargs) -> None:
        """After an exit a pair is locked until the clock's next minute; its candles lag behind."""
        for pair in self.dp.current_whitelist():
            for side in ("*", "long", "short"):
                PairLocks.unlock_pair(pair, current_time - timedelta(days=1), side=side)

    def populate_indicators(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        """The place of each candle in the round of eight."""
        dataframe["place"] = dataframe["date"].dt.minute % 8
        return dataframe

    def populate_entry_trend(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        """Long at the begin of each half, short in the second one where that is possible."""
        first, second = dataframe["place"].isin([0, 1]), dataframe["place"].isin([4, 5])
        dataframe.loc[first, "enter_long"] = 1
        dataframe.loc[second, "enter_short" if self.can_short else "enter_long"] = 1
        return dataframe

    def populate_exit_trend(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        """Out at the end of each half."""
        last = dataframe["place"].isin([2, 3, 6, 7])
        dataframe.loc[last, ["exit_long", "exit_short"]] = 1
        return dataframe

    def leverage(self, *args, **kwargs) -> float:
        """What the account is set to: a robot's key does not change it."""
        return 3.0
