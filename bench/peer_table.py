"""The rows of bench/compare: oko next to its peers, of rounds in which the machine was itself."""
import statistics

from figures import interval

AGREE = 0.8  # the slowest probe of a round by its fastest


class Round:
    """What the programs of one round did, and what happened around them."""

    def __init__(self, figures, probes, others):
        self.figures = figures  # {program: {metric: figure}}
        self.probes = probes    # GB/s, before the first program and after each
        self.others = others    # what others took of the processors, in words

    def faults(self):
        """Why its ratios say little; "" if they do."""
        said = [] if min(self.probes) >= AGREE * max(self.probes) else ["probes do not agree"]
        return ", ".join(said + [others for others in self.others if others])


def ratio_of(metric, figures):
    """How much better oko is than the best of the others."""
    others = [of[metric] for program, of in figures.items() if program != "oko" and metric in of]
    if metric.endswith("tokens/s"):
        return figures["oko"][metric] / max(others)
    return min(others) / figures["oko"][metric]


def header(columns):
    cells = ["workload", *columns, "oko is better by", "rounds kept", "probes, GB/s"]
    return "| " + " | ".join(cells) + " |\n" + "|---" * len(cells) + "|"


def lines_of(name, rounds, columns):
    """Rows of the table, one a metric. A ratio is taken within a round; the table has the median of
    those of the rounds kept and its interval. Without one that was undisturbed, of all rounds, and
    says so."""
    kept = [each for each in rounds if not each.faults()]
    count = f"{len(kept)} of {len(rounds)}" + ("" if kept else ", all disturbed")
    probes = [probe for each in rounds for probe in each.probes]
    lines = []
    for metric in rounds[0].figures["oko"]:
        taken = [each.figures for each in kept or rounds]
        ratios = [ratio_of(metric, figures) for figures in taken]
        cells = [f"{statistics.median(figures[program][metric] for figures in taken):.4g}"
                 if metric in taken[0].get(program, {}) else "–" for program in columns]
        low, high = interval(ratios)
        ratio = f"{statistics.median(ratios):.2f}"
        cells += [f"{f'**{ratio}**' if kept else ratio} ({low:.2f}–{high:.2f})", count,
                  f"{min(probes):.0f}–{max(probes):.0f}"]
        lines.append(f"| {name}: {metric} | " + " | ".join(cells) + " |")
    return lines


def take_rounds(wanted, programs, measure):
    """Rounds until so many are undisturbed, twice as many at most. Programs go in turns, every
    second round from the last to the first, so that none has the better part of a change.
    `measure(programs in order)` gives a Round."""
    rounds = []
    while len(rounds) < 2 * wanted and sum(not each.faults() for each in rounds) < wanted:
        order = list(programs)
        rounds.append(measure(order if len(rounds) % 2 == 0 else order[::-1]))
    return rounds
