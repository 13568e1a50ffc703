"""Is hybrid search as good as the better of words and vectors? By kind and language of query, with 95 % intervals.

    python3 paired_differences.py build/release/oko ../../tests/index/data/evaluation --model MODEL [--split dev ...]

All after the folder goes to `oko eval search`. Each query becomes a group of its own by its metadata, so the figures
are those of oko. The interval is of the mean difference in nDCG@10 between hybrid and the measure that is best for the
group, over 10,000 samples of the group's queries with repetition (a paired bootstrap, seed 1). "Worse" and "better"
count queries.
"""

import argparse
import collections
import json
import pathlib
import random
import shutil
import statistics
import subprocess
import tempfile

SAMPLES = 10_000


def with_ids(folder, target):
    shutil.copytree(folder, target, ignore=shutil.ignore_patterns("pictures"))
    path = target / "queries.jsonl"
    queries = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    for query in queries:
        query["metadata"]["id"] = query["_id"]
    path.write_text("".join(json.dumps(query, ensure_ascii=False) + "\n" for query in queries), encoding="utf-8")
    return {query["_id"]: query["metadata"] for query in queries}


def ndcg_by_mode(lines):
    """By mode, then by query."""
    modes = collections.defaultdict(dict)
    for line in map(json.loads, lines):
        if line["group"].startswith("id "):
            modes[line["mode"]][line["group"].removeprefix("id ")] = line["ndcg_at_10"]
    return modes


def interval_of_mean(values, source):
    means = sorted(statistics.fmean(source.choices(values, k=len(values))) for _ in range(SAMPLES))
    return means[SAMPLES * 25 // 1000], means[SAMPLES * 975 // 1000]


def print_group(name, ids, modes, source):
    means = {mode: statistics.fmean(of_query[each] for each in ids) for mode, of_query in modes.items()}
    hybrid = means.pop("hybrid")
    best = max(means, key=means.get)
    differences = [modes["hybrid"][each] - modes[best][each] for each in ids]
    low, high = interval_of_mean(differences, source)
    worse, better = sum(each < 0 for each in differences), sum(each > 0 for each in differences)
    print(f"{name:20} {len(ids):4} {hybrid:.3f} {best:>6} {means[best]:.3f} {hybrid - means[best]:+.3f} "
          f"[{low:+.3f}, {high:+.3f}] {worse:3} worse {better:3} better")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("oko")
    parser.add_argument("folder", type=pathlib.Path)
    arguments, rest = parser.parse_known_args()
    with tempfile.TemporaryDirectory() as scratch:
        target = pathlib.Path(scratch) / "set"
        metadata = with_ids(arguments.folder, target)
        command = [arguments.oko, "eval", "search", str(target), "--json", *rest]
        run = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    modes = ndcg_by_mode(run.stdout.splitlines())
    groups = collections.defaultdict(list)
    for each in modes["hybrid"]:
        for key in ("kind", "language"):
            groups[f"{key} {metadata[each][key]}"].append(each)
        groups["all"].append(each)
    source = random.Random(1)
    for name, ids in sorted(groups.items()):
        print_group(name, ids, modes, source)


if __name__ == "__main__":
    main()
