"""Of bench/peer_table.py: which rounds are kept, and what the table says of them."""
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench"))
from peer_table import Round, lines_of, ratio_of, take_rounds


def a_round(oko, peers, probes=(40, 41), others=""):
    programs = {"oko": {"tokens/s": oko}}
    programs.update({f"peer {i}": {"tokens/s": peer} for i, peer in enumerate(peers)})
    return Round(programs, list(probes), [others])


COLUMNS = ["oko", "peer 0", "peer 1"]


class RatioTest(unittest.TestCase):
    def test_the_best_peer_counts(self):
        figures = {"oko": {"tokens/s": 20, "peak memory, MB": 300},
                   "a": {"tokens/s": 10, "peak memory, MB": 600}, "b": {"tokens/s": 16}}
        self.assertEqual(ratio_of("tokens/s", figures), 1.25)
        self.assertEqual(ratio_of("peak memory, MB", figures), 2)


class LinesTest(unittest.TestCase):
    def test_disturbed_rounds_do_not_count(self):
        rounds = [a_round(20, [10, 8]), a_round(22, [10, 8]), a_round(90, [10, 8], (20, 40)),
                  a_round(80, [10, 8], others="stolen 4 %"), a_round(21, [10, 8])]
        self.assertEqual(lines_of("decode", rounds, COLUMNS), [
            "| decode: tokens/s | 21 | 10 | 8 | **2.10** (2.00–2.20) | 3 of 5 | 20–41 |"])

    def test_ratios_are_of_one_round(self):
        # The medians' ratio would be 1.5.
        rounds = [a_round(10, [10]), a_round(30, [20]), a_round(60, [30])]
        self.assertIn("**1.50** (1.00–2.00)", lines_of("decode", rounds, COLUMNS)[0])

    def test_rounds_that_are_all_disturbed_are_marked(self):
        rounds = [a_round(20, [10], others="other work 9 %"), a_round(24, [10], (10, 40))]
        self.assertEqual(lines_of("decode", rounds, COLUMNS), [
            "| decode: tokens/s | 22 | 10 | – | 2.20 (2.00–2.40) | 0 of 2, all disturbed | 10–41 |"])

    def test_faults_are_named(self):
        self.assertEqual(a_round(1, [1], (10, 40), "stolen 2 %").faults(),
                         "probes do not agree, stolen 2 %")
        self.assertEqual(a_round(1, [1], (33, 41)).faults(), "")


class TakeRoundsTest(unittest.TestCase):
    def take(self, faults, wanted=3):
        orders, said = [], iter(faults)

        def measure(order):
            orders.append("".join(order))
            return a_round(1, [1], others=next(said))
        return len(take_rounds(wanted, {"a": 0, "b": 0, "c": 0}, measure)), orders

    def test_programs_take_turns_both_ways(self):
        self.assertEqual(self.take(["", "", ""]), (3, ["abc", "cba", "abc"]))

    def test_disturbed_rounds_are_repeated(self):
        self.assertEqual(self.take(["", "stolen 3 %", "", "other work 7 %", ""])[0], 5)

    def test_twice_as_many_at_most(self):
        self.assertEqual(self.take(["stolen 3 %"] * 9)[0], 6)


if __name__ == "__main__":
    unittest.main()
