"""Of bench/figures.py: medians, intervals and what others took of the processors."""
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench"))
import figures

ZEN = """processor\t: 0
vendor_id\t: AuthenticAMD
cpu family\t: 26
model\t\t: 2
model name\t: AMD EPYC
flags\t\t: fpu avx2 avx512f avx512_vnni
"""
ARM = "processor\t: 0\nFeatures\t: fp asimd asimddp i8mm\n"


class ProcessorTest(unittest.TestCase):
    def test_name_and_features(self):
        self.assertEqual(figures.processor(ZEN), 
                         "AMD EPYC, family 26, model 2 (AVX2, AVX-512, VNNI)")

    def test_arm_has_features_and_no_name(self):
        self.assertRegex(figures.processor(ARM), r"^\w+ processor \(NEON, dotprod, i8mm\)$")

    def test_kinds_are_headings_of_the_figures(self):
        of = lambda flags, vendor="GenuineIntel", family=6: figures.kind(
            f"vendor_id: {vendor}\ncpu family: {family}\nflags: {flags}\n")
        kinds = [figures.kind(ZEN), of("avx2 avx512f avx512_vnni", "AuthenticAMD", 25),
                 of("avx2 avx512f avx512_vnni"), of("avx2 avx512_vnni amx_int8"), of("avx2"),
                 figures.kind(ARM)]
        self.assertEqual(kinds, ["Zen 5", "Zen 4", "AVX-512 with VNNI", "AMX", "AVX2 alone",
                                 "Arm"])
        text = (Path(__file__).resolve().parents[2] / "docs/BENCHMARKS.md").read_text()
        for each in kinds:
            self.assertTrue(f"\n### {each}\n" in text, each)


class SpreadTest(unittest.TestCase):
    def test_share_of_the_median(self):
        self.assertAlmostEqual(figures.spread([10, 9, 12]), 0.3)

    def test_one_round_tells_none(self):
        self.assertIsNone(figures.spread([10]))


class IntervalTest(unittest.TestCase):
    def test_few_values_give_all_their_range(self):
        self.assertEqual(figures.interval([3, 1, 2]), (1, 3))
        self.assertEqual(figures.interval(range(6)), (0, 5))

    def test_many_leave_out_what_is_rare(self):
        # 2 (1 + 9) of 2^9 orders are 3.9 %: one is left out at each end.
        self.assertEqual(figures.interval(range(9)), (1, 7))
        self.assertEqual(figures.interval(range(8)), (0, 7))


class DisturbanceTest(unittest.TestCase):
    def between(self, after, own=0.0):
        """Ticks of 10 ms on two processors, 10 s apart."""
        ticks = lambda line, used, when: figures.Ticks(line + "\ncpu0 1 2\n", used, when, 2)
        return figures.disturbance(ticks("cpu 0 0 0 0 0 0 0 0 0 0", 0.0, 0), ticks(after, own, 10))

    def test_own_work_is_none(self):
        self.assertEqual(self.between("cpu 1500 0 200 300 0 0 0 0 0 0", own=17.0), "")

    def test_other_work_is_named(self):
        self.assertEqual(self.between("cpu 1500 200 0 300 0 0 0 0 0 0", own=15.0), "other work 10 %")

    def test_stolen_time_is_named(self):
        self.assertEqual(self.between("cpu 1000 0 0 300 0 0 0 100 0 0", own=10.0), "stolen 5 %")

    def test_idle_and_waiting_time_are_no_work(self):
        self.assertEqual(self.between("cpu 0 0 0 1000 900 0 0 0 0 0"), "")

    def test_unknown_where_the_system_does_not_count(self):
        self.assertEqual(figures.disturbance(None, None), "")


if __name__ == "__main__":
    unittest.main()
