r"""The generator Philox4x32-10: four words of 32 bits as a function of a counter and a key.

A round takes the counter (c₀, c₁, c₂, c₃) and the key (k₀, k₁) to

.. math:: (\mathrm{hi}(M_1 c_2) \oplus c_1 \oplus k_0,\ \mathrm{lo}(M_1 c_2),\
    \mathrm{hi}(M_0 c_0) \oplus c_3 \oplus k_1,\ \mathrm{lo}(M_0 c_0)),

where hi and lo are the halves of a product of 64 bits; the key grows by (W₀, W₁) from round to round.

References:
    Salmon, Moraes, Dror & Shaw (2011), Parallel random numbers: as easy as 1, 2, 3, §3.3.
"""

from __future__ import annotations

from torch import Tensor

MULTIPLIERS = 0xD2511F53, 0xCD9E8D57
WEYL = 0x9E3779B9, 0xBB67AE85
ROUNDS = 10
WORD = 0xFFFFFFFF

NORMAL, UNIFORM, UNIT, EXPONENTIAL = range(4)
"""The kinds of numbers that are made of words."""


def words(counter: tuple[Tensor, Tensor, Tensor, Tensor], key: tuple[int, int]) -> tuple[Tensor, ...]:
    """Return the four words of each counter, on the device of the counters.

    Args:
        counter: four tensors of words in int64, broadcast against one another.
        key: two words.
    """
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(ROUNDS):
        # Of a product that overflows int64 both halves are right: the upper one is cleared of its sign.
        p0, p1 = c0 * MULTIPLIERS[0], c2 * MULTIPLIERS[1]
        c0, c1, c2, c3 = (p1 >> 32 & WORD) ^ c1 ^ k0, p1 & WORD, (p0 >> 32 & WORD) ^ c3 ^ k1, p0 & WORD
        k0, k1 = k0 + WEYL[0] & WORD, k1 + WEYL[1] & WORD
    return c0, c1, c2, c3
