"""What the tools of bench/ share: medians with their spread, the processor's name, other work."""
import os
import re
import resource
import statistics
import time
from math import comb
from pathlib import Path

FEATURES = {"avx2": "AVX2", "avx512f": "AVX-512", "avx512_vnni": "VNNI", "amx_int8": "AMX",
            "asimd": "NEON", "asimddp": "dotprod", "i8mm": "i8mm"}  # flags of Linux


def cpuinfo_of(cpuinfo):
    """(value of a key, features shown) of /proc/cpuinfo, or of a text like it."""
    path = Path("/proc/cpuinfo")
    text = cpuinfo if cpuinfo is not None else path.read_text() if path.exists() else ""
    found = lambda key: re.search(rf"^{key}\s*:\s*(.*)", text, re.M)
    flags = set(" ".join(re.findall(r"^(?:flags|Features)\s*:\s*(.*)", text, re.M)).split())
    value = lambda key: found(key)[1] if found(key) else ""
    return value, [shown for flag, shown in FEATURES.items() if flag in flags]


def processor(cpuinfo=None):
    """Its name and what kernels may use of it, since figures differ with that."""
    value, features = cpuinfo_of(cpuinfo)
    shown = value("model name") or os.uname().machine + " processor"
    if value("cpu family"):  # the name alone, such as AMD EPYC, does not tell Zen 4 from Zen 5
        shown += f", family {value('cpu family')}, model {value('model')}"
    return f"{shown} ({', '.join(features) or 'no vectors known'})"


def kind(cpuinfo=None):
    """The heading in docs/BENCHMARKS.md that figures of this processor stand under."""
    value, features = cpuinfo_of(cpuinfo)
    if "AMX" in features:
        return "AMX"
    if "VNNI" in features:
        zen = {"25": "Zen 4", "26": "Zen 5"}
        return zen.get(value("cpu family"), "AVX-512 with VNNI")
    if "AVX2" in features:
        return "AVX2 alone"
    return "Arm" if "NEON" in features or os.uname().machine == "arm64" else "SSE4 alone"


def interval(values):
    """(lowest, highest): the median of all such measurements is between them 19 times in 20; of
    fewer than six values all that were measured, which is less sure."""
    values = sorted(values)
    left = 0  # how many to leave out at each end: the median is rarely among so few
    while 2 * sum(comb(len(values), i) for i in range(left + 1)) <= 0.05 * 2 ** len(values):
        left += 1
    left = max(0, left - 1)
    return values[left], values[len(values) - 1 - left]


def spread(values):
    """From the lowest to the highest as a share of the median; None for a single round."""
    if len(values) < 2:
        return None
    middle = statistics.median(values)
    return (max(values) - min(values)) / abs(middle) if middle else None


class Ticks:
    """Processor time of the machine since its start, in seconds (Linux)."""

    def __init__(self, stat, own, when, processors):
        fields = [int(field) for field in stat.splitlines()[0].split()[1:]]
        fields += [0] * (8 - len(fields))
        user, nice, system, _, _, irq, soft, stolen = fields[:8]
        hertz = os.sysconf("SC_CLK_TCK")
        self.busy = (user + nice + system + irq + soft) / hertz
        self.stolen = stolen / hertz
        self.own, self.when, self.processors = own, when, processors

    @staticmethod
    def now():
        """None where the system does not count: on a Mac."""
        path = Path("/proc/stat")
        if not path.exists():
            return None
        used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return Ticks(path.read_text(), sum(each.ru_utime + each.ru_stime for each in used),
                     time.monotonic(), os.cpu_count())


MOST_STOLEN, MOST_OTHERS = 0.01, 0.03  # shares of all processors


def disturbance(before, after):
    """What others took of the processors from one to the other, in words; "" if next to nothing."""
    if before is None or after is None or after.when <= before.when:
        return ""
    whole = (after.when - before.when) * after.processors
    stolen = (after.stolen - before.stolen) / whole
    others = (after.busy - before.busy - (after.own - before.own)) / whole
    said = [f"stolen {100 * stolen:.0f} %"] if stolen > MOST_STOLEN else []
    return ", ".join(said + ([f"other work {100 * others:.0f} %"] if others > MOST_OTHERS else []))
