"""The table of `make bench`: what Google Benchmark's JSON of several rounds says, for people."""
import re
import statistics

from figures import spread

# Counters that say more than the time of a run: unit, factor, and if more is better.
HEADLINES = {
    "tokens_per_second": ("tokens/s", 1, True),
    "first_token_seconds": ("s", 1, False),
    "second_share": ("of the first", 1, False),
    "longest_seconds": ("s", 1, False),
    "oko_MB_s": ("MB/s", 1, True),
    "rescored": ("recall", 1, True),
    "ms_of_chunk": ("ms a passage", 1, False),
    "p50": ("ms", 1, False),
    "bytes_per_second": ("MB/s", 1e-6, True),
    "items_per_second": ("M/s", 1e-6, True),
}
# Counters that the machine limits: `Limits` has the most of them a second.
MEMORY, ARITHMETIC = "memory_bytes", "flop"
OWN_KEYS = {"name", "run_name", "run_type", "repetitions", "repetition_index", "threads", "iterations",
            "real_time", "cpu_time", "time_unit", "label", "family_index", "per_family_instance_index",
            "error_occurred", "error_message"}
SECONDS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1}
LEAST_NOISE = 0.02  # of a change, even if the rounds agree better


def readable(name):
    name = re.sub(r"/(real_time|manual_time|process_time|iterations:\d+|repeats:\d+)\b", "", name)
    first, _, rest = name.partition("/")
    return (first + (": " + rest.replace("/", ", ") if rest else "")).replace("_", " ")


def one_round(program, report):
    """{name: figure} and [what failed] of one run of a program."""
    figures, failed = {}, []
    for entry in report["benchmarks"]:
        name = entry.get("label") or readable(entry["name"])
        if entry.get("error_occurred"):
            failed.append(f"{program}, {name}: {entry['error_message']}")
            continue
        headline = next((key for key in HEADLINES if key in entry), None)
        unit, factor, more = HEADLINES.get(headline, ("s", SECONDS[entry["time_unit"]], False))
        figures[name] = {
            "value": entry[headline or "real_time"] * factor, "unit": unit, "more": more,
            "rates": {key: entry[key] for key in (MEMORY, ARITHMETIC) if key in entry},
            "also": {key: value for key, value in entry.items()
                     if key not in OWN_KEYS and key not in (headline, MEMORY, ARITHMETIC)}}
    return figures, failed


class Row:
    """A figure in several rounds."""

    def __init__(self, rounds):
        values = [figure["value"] for figure in rounds]
        self.unit, self.more = rounds[0]["unit"], rounds[0]["more"]
        self.value, self.spread = statistics.median(values), spread(values)
        self.rates = {key: statistics.median(figure["rates"][key] for figure in rounds)
                      for key in rounds[0]["rates"]}
        self.also = {key: statistics.median(figure["also"].get(key, value) for figure in rounds)
                     for key, value in rounds[0]["also"].items()}

    def stored(self):
        return {"value": self.value, "unit": self.unit, "spread": self.spread}


def rows_of(rounds):
    """{name: Row} of a program's rounds, in the order of the first."""
    names = dict.fromkeys(name for figures in rounds for name in figures)
    return {name: Row([figures[name] for figures in rounds if name in figures]) for name in names}


def shown(value, unit):
    if unit == "s":
        for scale, smaller in ((1, "s"), (1e-3, "ms"), (1e-6, "µs")):
            if value >= scale:
                return f"{three_digits(value / scale)} {smaller}"
        return f"{three_digits(value / 1e-9)} ns"
    return f"{three_digits(value)} {unit}".strip()


def three_digits(value):
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def share_of_limit(row, limits):
    """The larger of the two shares, with the name of its limit."""
    shares = [(row.rates[key] / limits[key], name)
              for key, name in ((MEMORY, "bandwidth"), (ARITHMETIC, "multiply-adds"))
              if key in row.rates and limits.get(key)]
    if not shares:
        return "–"
    share, name = max(shares)
    return f"{100 * share:.0f} % of {name}"


def change_of(row, before):
    """How much better or worse than the stored figure, if the rounds of both leave no doubt."""
    if before is None or before["unit"] != row.unit or not before["value"] or not row.value:
        return "new"
    better = row.value / before["value"] if row.more else before["value"] / row.value
    change = f"{100 * abs(better - 1):.0f} % {'better' if better > 1 else 'worse'}"
    if row.spread is None or before["spread"] is None:
        return change + "?"
    noise = max(LEAST_NOISE, row.spread + before["spread"])
    return "within noise" if abs(better - 1) <= noise else change


def table(programs, stored, limits):
    """`programs`: {program: {name: Row}}; `stored`: {program: {"run": when, "figures": {name: figure}}}
    of earlier runs; `limits`: the most bytes and operations a second that the probe found."""
    lines = []
    for program, rows in programs.items():
        before = stored.get(program, {"figures": {}})
        since = f"since {before['run']}" if "run" in before else "no stored run"
        lines.append((program, "median", "spread", "of the limit", since, "also"))
        for name, row in rows.items():
            lines.append(("  " + name, shown(row.value, row.unit),
                          "–" if row.spread is None else f"{100 * row.spread:.0f} %",
                          share_of_limit(row, limits),
                          change_of(row, before["figures"].get(name)),
                          ", ".join(f"{key} {three_digits(value)}" for key, value in row.also.items())))
    widths = [max(len(line[i]) for line in lines) for i in range(6)]
    text = []
    for line in lines:
        cells = [line[0].ljust(widths[0]), line[1].rjust(widths[1]), line[2].rjust(widths[2])]
        cells += [line[i].ljust(widths[i]) for i in (3, 4, 5)]
        text.append(("" if line[0].startswith(" ") or not text else "\n") + "  ".join(cells).rstrip())
    return "\n".join(text)
