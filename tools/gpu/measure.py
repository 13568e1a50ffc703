"""The parts of the check, called by run.sh: measure.py OUT.json [--cpu-rehearsal]

Runs the graph suite, and oko and its peers in turn on one random checkpoint, each part with a time
limit, and writes one JSON object. Ends with 0 if every part ran and every test passed; whether the
aims were met is in the JSON.
"""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

HERE = Path(__file__).resolve().parent
TOTAL_SECONDS = 450
ROUNDS = 2
# name: arguments of both programs, and of the rehearsal; how much faster than the peer oko shall be
WORKLOADS = {
    "decode": (["--tokens", "128"], ["--tokens", "4"], 0.95),
    "prefill": (["--tokens", "512"], ["--tokens", "20"], 1.0),
    "vision": (["--side", "1024"], ["--side", "128"], 1.0),
}
SHAPE, REHEARSAL_SHAPE = "qwen3-vl-4b", "qwen3-vl-small-4bit"
ENDED = r"^\[ *(OK|FAILED|SKIPPED) *\] ([^\s,]+).*\(\d+ ms\)$"  # a line of a gtest program
SUITE_SECONDS, MODEL_SECONDS, RUN_SECONDS = 150, 60, 75


class Check:
    def __init__(self, rehearsal, scratch):
        self.rehearsal = rehearsal
        self.start = time.monotonic()
        self.parts = []
        self.oko_environment = dict(os.environ, OKO_HOME=str(scratch / "home"))
        self.oko_environment["LD_LIBRARY_PATH"] += f":{HERE}/lib"
        if not rehearsal:
            self.oko_environment["OKO_DEVICE"] = "gpu"

    def seconds(self):
        return time.monotonic() - self.start

    def run(self, name, limit, command, oko):
        """Runs a command within the limit and what is left of the total; returns its status (None:
        stopped) and output."""
        limit = min(limit, TOTAL_SECONDS - self.seconds())
        start = time.monotonic()
        status, out, error = None, "", "no time was left"
        if limit > 1:
            environment = self.oko_environment if oko else None
            try:
                ended = subprocess.run(
                    command, env=environment, timeout=limit, capture_output=True, text=True
                )
                status, out, error = ended.returncode, ended.stdout, ended.stderr
            except subprocess.TimeoutExpired as stopped:
                out = (stopped.stdout or b"").decode(errors="replace")
                error = f"stopped after {limit:.0f} s"
            except OSError as refused:
                error = str(refused)
        part = {"name": name, "seconds": round(time.monotonic() - start, 2), "status": status}
        if status != 0:
            part["error"] = (error or out)[-2000:]
        self.parts.append(part)
        print(f"{self.seconds():6.1f} s  {name}: {part.get('error', 'ok')}", flush=True)
        return status, out


def tests_by_program():
    """{program: [test, ...]} of the graph suite, from ctest's list."""
    programs = {}
    for test in json.loads((HERE / "tests.json").read_text())["tests"]:
        command = test.get("command", [])
        name = next((a.split("=", 1)[1] for a in command if a.startswith("--gtest_filter=")), None)
        if name:
            programs.setdefault(Path(command[0]).name, []).append(name)
    return programs


def ending(status):
    if status is None:
        return "exceeded the time limit"
    return f"ended by {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"


def run_program(check, program, tests, deadline):
    """{test: "passed", "failed: ...", "skipped" or "not run"}. A test that ends the program or
    exceeds the limit has failed; the program then starts again with those after it."""
    results = dict.fromkeys(tests, "not run")
    left = list(tests)
    while left and time.monotonic() < deadline:
        command = [str(HERE / "bin" / program), "--gtest_filter=" + ":".join(left)]
        status, out = check.run(program, deadline - time.monotonic(), command, oko=True)
        ended = set()
        for outcome, test in re.findall(ENDED, out, re.M):
            ended.add(test)
            message = out.split(f"[ RUN      ] {test}\n", 1)[-1].split("[  FAILED  ]", 1)[0]
            results[test] = {"OK": "passed", "SKIPPED": "skipped"}.get(
                outcome, f"failed: {message.strip()[:1000]}"
            )
        started = re.findall(r"^\[ RUN      \] (\S+)$", out, re.M)
        if started and started[-1] not in ended:
            ended.add(started[-1])
            results[started[-1]] = f"failed: {ending(status)}"
        elif not ended:
            break
        left = [test for test in left if test not in ended]
    return results


def run_suite(check):
    deadline = time.monotonic() + SUITE_SECONDS
    results = {}
    for program, tests in tests_by_program().items():
        for test, result in run_program(check, program, tests, deadline).items():
            results[f"{program.removesuffix('_test')}.{test}"] = result
    count = lambda start: sum(result.startswith(start) for result in results.values())
    return {
        "passed": count("passed"),
        "failed": count("failed"),
        "skipped": count("skipped"),
        "not_run": count("not run"),
        "not_passed": {test: result for test, result in results.items() if result != "passed"},
    }


def last_object(text):
    for line in reversed(text.splitlines()):
        if line.startswith("{"):
            return json.loads(line)
    return None


def run_pair(check, what, model, number):
    """One round: oko, then its peer. None where one of them gave no figures."""
    arguments = WORKLOADS[what][1 if check.rehearsal else 0] + ["--repeats", "5"]
    oko = [str(HERE / "bin/oko"), "bench", what, "--model", str(model), "--json"] + arguments
    peer = [sys.executable, str(HERE / "mlx_checkpoint.py"), what, str(model)] + arguments
    result = {}
    for name, command in (("oko", oko), ("peer", peer)):
        status, out = check.run(
            f"{what}, {name}, round {number}", RUN_SECONDS, command, oko=name == "oko"
        )
        result[name] = last_object(out) if status == 0 else None
    if not result["oko"] or not result["peer"]:
        return None
    # What a pass holds above the loaded weights: mlx-lm loads the text model alone, mlx-vlm's tower
    # is loaded alone here, and oko loads both.
    held = [result[name]["mlx_peak_bytes"] - result[name]["mlx_loaded_bytes"] for name in result]
    result["speed_ratio"] = result["oko"]["per_second"] / result["peer"]["per_second"]
    result["memory_ratio"] = held[0] / held[1]
    return result


def verdict(what, rounds):
    """Ratios of oko to its peer, and the aims they are held to. No figures: nothing is met."""
    aim = WORKLOADS[what][2]
    speeds = [r["speed_ratio"] for r in rounds]
    memories = [r["memory_ratio"] for r in rounds]
    return {
        "speed_ratio": median(speeds) if speeds else None,
        "speed_aim_at_least": aim,
        "speed_met": bool(speeds) and median(speeds) >= aim,
        "memory_ratio": median(memories) if memories else None,
        "memory_aim_at_most": 1.0,
        "memory_met": bool(memories) and median(memories) <= 1.0,
        "rounds": rounds,
    }


def use_sources():
    """Tests read their data where the sources were built: makes that path lead to the copy."""
    source = Path(json.loads((HERE / "bundle.json").read_text())["source"])
    if not (source / "tests").exists():
        source.parent.mkdir(parents=True, exist_ok=True)
        source.symlink_to(HERE / "source")


def main():
    out, rehearsal = Path(sys.argv[1]), "--cpu-rehearsal" in sys.argv
    use_sources()
    rounds = {what: [] for what in WORKLOADS}
    with tempfile.TemporaryDirectory() as folder:
        check = Check(rehearsal, Path(folder))
        model = Path(folder) / "model"
        make = ["bench", "make-model", REHEARSAL_SHAPE if rehearsal else SHAPE, "--out", str(model)]
        check.run("make the model", MODEL_SECONDS, [str(HERE / "bin/oko")] + make, oko=True)
        for number in range(1, ROUNDS + 1):
            for what in WORKLOADS:
                pair = run_pair(check, what, model, number)
                rounds[what] += [pair] if pair else []
            if number == 1:
                suite = run_suite(check)
    result = {
        "rehearsal_on_cpu": rehearsal,
        "card_driver_memory": (HERE / "card").read_text().strip(),
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        **json.loads((HERE / "bundle.json").read_text()),
        "seconds": round(check.seconds(), 1),
        "suite": suite,
        "workloads": {what: verdict(what, rounds[what]) for what in WORKLOADS},
        "parts": check.parts,
    }
    out.write_text(json.dumps(result, indent=1) + "\n")
    for what, found in result["workloads"].items():
        print(what, *(f"{key} {value}" for key, value in found.items() if key != "rounds"))
    print("suite", *(f"{key} {value}" for key, value in suite.items() if key != "not_passed"))
    complete = all(len(r) == ROUNDS for r in rounds.values())
    sys.exit(0 if complete and suite["passed"] and not suite["failed"] + suite["not_run"] else 1)


if __name__ == "__main__":
    main()
