"""Of bench/bench_table.py: what Google Benchmark says of several rounds, as the expected text."""
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench"))
import bench_table

LIMITS = {bench_table.MEMORY: 40e9, bench_table.ARITHMETIC: 500e9}


def entry(name, time, **more):
    return {"name": name, "run_name": name, "run_type": "iteration", "iterations": 3, "threads": 1,
            "real_time": time, "cpu_time": 1, "time_unit": "ms", **more}


def report(product, scan, rate):
    return {"benchmarks": [
        entry("matmul/512/real_time", product, label="4 bits, 512 x 2560", flop=31e9 / product * 10,
              memory_bytes=1e9),
        entry("dense_scan/100000/384/real_time", scan, memory_bytes=30e9),
        entry("answers/4/iterations:1", 9000, tokens_per_second=rate, late=1.25)]}


def rows(*reports):
    return bench_table.rows_of([bench_table.one_round("kernels", each)[0] for each in reports])


class TableTest(unittest.TestCase):
    maxDiff = None

    def test_rounds_limits_and_changes(self):
        now = rows(report(1, 2.00, 48), report(1.02, 2.02, 50), report(0.99, 1.98, 52))
        stored = {"kernels": {"run": "2026-11-01, abc", "figures": {
            "4 bits, 512 x 2560": {"value": 0.0012, "unit": "s", "spread": 0.02},
            "dense scan: 100000, 384": {"value": 0.00203, "unit": "s", "spread": 0.01},
            "answers: 4": {"value": 60, "unit": "tokens/s", "spread": 0.05}}}}
        self.assertEqual(bench_table.table({"kernels": now}, stored, LIMITS), """\
kernels                         median  spread  of the limit           since 2026-11-01, abc  also
  4 bits, 512 x 2560              1 ms     3 %  62 % of multiply-adds  20 % better
  dense scan: 100000, 384         2 ms     2 %  75 % of bandwidth      within noise
  answers: 4               50 tokens/s     8 %  –                      17 % worse             late 1.25""")

    def test_one_round_without_limits_or_a_stored_run(self):
        now = rows(report(1, 2, 48))
        self.assertEqual(bench_table.table({"kernels": now}, {}, {}), """\
kernels                         median  spread  of the limit  no stored run  also
  4 bits, 512 x 2560              1 ms       –  –             new
  dense scan: 100000, 384         2 ms       –  –             new
  answers: 4               48 tokens/s       –  –             new            late 1.25""")


class ChangeTest(unittest.TestCase):
    def change(self, rounds, before, spread, more=False):
        row = bench_table.Row([{"value": value, "unit": "s", "more": more, "rates": {}, "also": {}}
                               for value in rounds])
        return bench_table.change_of(row, {"value": before, "unit": "s", "spread": spread})

    def test_both_spreads_are_noise(self):
        self.assertEqual(self.change([0.95, 1, 1.05], 1.11, 0.02), "within noise")
        self.assertEqual(self.change([0.95, 1, 1.05], 1.14, 0.02), "14 % better")

    def test_rounds_that_agree_too_well(self):
        self.assertEqual(self.change([1, 1, 1], 1.015, 0.0), "within noise")

    def test_one_round_leaves_a_doubt(self):
        self.assertEqual(self.change([1], 1.2, 0.01), "20 % better?")
        self.assertEqual(self.change([1, 1], 1.2, None), "20 % better?")

    def test_more_may_be_better(self):
        self.assertEqual(self.change([50, 50], 100, 0.01, more=True), "50 % worse")

    def test_another_unit_is_another_figure(self):
        row = bench_table.Row([{"value": 1, "unit": "s", "more": False, "rates": {}, "also": {}}])
        self.assertEqual(bench_table.change_of(row, {"value": 1, "unit": "ms", "spread": 0}), "new")


class OneRoundTest(unittest.TestCase):
    def test_a_failure_is_named_and_has_no_figure(self):
        figures, failed = bench_table.one_round("streams", {"benchmarks": [
            entry("cancel/decode", 1, error_occurred=True, error_message="it ended before")]})
        self.assertEqual((figures, failed), ({}, ["streams, cancel: decode: it ended before"]))

    def test_times_have_their_unit(self):
        for value, text in ((90, "90 s"), (0.0125, "12.5 ms"), (3.4e-6, "3.4 µs"), (5e-9, "5 ns")):
            self.assertEqual(bench_table.shown(value, "s"), text)


if __name__ == "__main__":
    unittest.main()
