"""Score weighting: capitalisation times a score, or the score alone (methodology 2.4, 2.8, 2.10)."""

from dataclasses import dataclass

from xlplugin.aliases import FloatArray
from xlplugin.index.arrays import normalised
from xlplugin.index.scheme import Columns, product
from xlplugin.index.words import Words

_FORMULA = Words(
    en="score x float capitalisation; the score alone when no shares are given",
    ja="スコア × 浮動株時価総額(株式数がなければスコアのみ)",
)


@dataclass(frozen=True)
class Score:
    """w is proportional to score·(P·S·F·C·X), or to the score alone when there are no shares."""

    name: str = "SCORE"
    formula: Words = _FORMULA
    needs: tuple[str, ...] = ("price",)
    may_read: tuple[str, ...] = ("score", "shares", "free_float", "cap_factor", "fx")

    def weights(self, columns: Columns) -> FloatArray:
        """See `Scheme.weights`."""
        if "shares" not in columns and "score" in columns:
            return normalised("score", columns["score"])
        return normalised("score x market value", product(columns, *self.needs, *self.may_read))


SCHEME = Score()
