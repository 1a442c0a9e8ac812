"""All words of verdicts, with what they mean; those of the program, so that none is forgotten."""

from __future__ import annotations

from typing import get_args

from bench.certification import verdicts as of_certificates
from bench.policies.certificates.certificate import Kind as OfUpdate
from bench.regression.verdicts import Verdict as OfGate
from bench.reproduction.reproduced import EXACTNESS, PRINTED
from bench.results.runs import State as OfRun
from docs.pages.markdown import table

WORDS: dict[str, tuple[tuple[str, ...], dict[str, str]]] = {
    "On a bias": (
        ("biased", "within 1 %", "unresolved", "unknown"),
        {
            "biased": "All rows of a run together show that the mean is off: an unbiased estimator is "
            "called so in at most 1 % of runs.",
            "within 1 %": "A test of equivalence shows that the bias is below 1 % of the gradient's norm.",
            "unresolved": "Neither was shown. In parentheses stands why: the replicates that it needs, "
            "a truth that is not known well enough, or noise that was not seen.",
            "unknown": "There is no truth to compare with, two truths disagree, or R is too small.",
        },
    ),
    "Of a certificate": (
        get_args(of_certificates.Verdict),
        {
            "certified": "Nothing was found against claim and contract; the certificate states its power.",
            "failed": "A claim or the contract is broken; the first line names the cause.",
            "nothing applied": "The estimator applies to none of the problems; each says why.",
            "unavailable": "The device is absent.",
        },
    ),
    "Of the gate, on a test": (
        get_args(OfGate),
        {
            "pass": "As the baseline, within the indifference that the scenario allows.",
            "improved": "Better than the baseline, by more than chance; `bench baseline update` keeps it.",
            "inconclusive": "The numbers do not suffice to decide; exit code 5.",
            "error": "A cell could not be measured; exit code 3.",
            "regression": "Worse than the baseline, in two independent stages; exit code 1.",
        },
    ),
    "Of a policy's update": (
        get_args(OfUpdate),
        {
            "unbiased": "The exact mean is the gradient, in every setting.",
            "multiple": "The mean is a positive multiple of the gradient.",
            "minus": "The mean is a negative multiple: it descends.",
            "zero": "The mean is zero in every setting.",
            "other": "It ascends something else, which is named if it is one of those known.",
            "undefined": "For some rewards it has no number.",
            "faulty": "The function cannot be used: its shapes, what it changed, or an exception.",
        },
    ),
    "Of a cell": (
        ("ok", "not_applicable", "unavailable", "nonfinite", "error", "timeout", "crashed"),
        {
            "ok": "It was measured.",
            "not_applicable": "Mathematics does not fit; the reason stands beside it.",
            "unavailable": "The device is absent.",
            "nonfinite": "Some estimates were not finite; they are counted, and no number is computed.",
            "error": "The code of an estimator or a problem raised, or changed what it must leave alone.",
            "timeout": "It took longer than `--timeout`.",
            "crashed": "The process ended while it was measured, twice.",
        },
    ),
    "Of a run": (
        get_args(OfRun),
        {
            "finished": "All cells are there.",
            "interrupted": "It was stopped; `bench resume` goes on.",
            "unfinished": "It is still measured, or its process died.",
            "damaged": "Its files cannot be read; what is whole is kept.",
        },
    ),
    "On a known number, measured": (
        EXACTNESS,
        {
            "as exact": "It differs from what the formula gives by no more than chance explains.",
            "otherwise": "It differs by more: the program or the formula is wrong; exit code 1.",
        },
    ),
    "On a printed number": (
        PRINTED,
        {
            "as exact": "It is what the formula gives, rounded.",
            "within chance": "It was computed from few repetitions, and lies within four standard errors.",
            "not reproduced": "It is not what the formula gives, and chance does not explain it.",
        },
    ),
    "On the claim of a paper": (
        ("confirmed", "contradicted", "undecided", "not tested here"),
        {
            "confirmed": "It holds at some places of the reference run, and is refuted at none.",
            "contradicted": "It is refuted at some places, and holds at none.",
            "undecided": "Both, or neither.",
            "not tested here": "It was made at another scale.",
        },
    ),
}
"""Of what -> the words in the program, and what each means."""


def pages() -> dict[str, str]:
    """Return the page of the words of verdicts.

    Raises:
        KeyError: if a word of the program is not explained.
    """
    parts = [
        "# Words of verdicts",
        "Search this page for a word that a table, a certificate or the gate printed. "
        "[Statistics](../statistics.md) says how each is reached.",
    ]
    for of, (words, meanings) in WORDS.items():
        parts += [f"## {of}", table(["word", "meaning"], ([f"**{word}**", meanings[word]] for word in words))]
    return {"verdicts.md": "\n\n".join(parts) + "\n"}
