"""What pytrec_eval says of some rankings: tests/index/data/ranking_metrics.json.

    pip install pytrec_eval-terrier==0.5.11
    python3 ranking_metrics_golden.py ../../tests/index/data/ranking_metrics.json

Relevances 0 to 3 and negative ones, documents that nobody judged, rankings shorter and longer than the cut, none
relevant. Scores fall by 1, so the order of equal scores does not matter.
"""

import json
import random
import sys

import pytrec_eval


def case(chance, judged, ranked, grades):
    documents = [f"d{i}" for i in range(300)]
    judgments = {each: chance.choice(grades) for each in chance.sample(documents, judged)}
    # Judged documents come up more often than others, as in a real ranking.
    pool = chance.sample(documents, len(documents))
    pool.sort(key=lambda each: chance.random() * (1.2 if judgments.get(each, 0) > 0 else 1), reverse=True)
    return {"judgments": judgments, "ranking": pool[:ranked]}


def evaluate(judgments, ranking, measures):
    run = {"q": {each: float(len(ranking) - i) for i, each in enumerate(ranking)}}
    return pytrec_eval.RelevanceEvaluator({"q": judgments}, measures).evaluate(run)["q"]


def main(out):
    chance = random.Random(22)
    cases = [case(chance, judged, ranked, grades)
             for judged, ranked, grades in [
                 (1, 10, [2]), (1, 120, [1]), (3, 100, [0, 1, 2]), (5, 7, [1, 2]), (12, 150, [0, 1, 2, 3]),
                 (20, 100, [-1, 0, 1, 2]), (40, 300, [1, 2]), (4, 100, [0]), (15, 9, [1, 2, 3]), (30, 200, [0, 0, 0, 1])]]
    for each in cases:
        all_ranks = evaluate(each["judgments"], each["ranking"], {"ndcg_cut.3,10,100", "recall.10,100"})
        each["expected"] = {
            "ndcg_at_3": all_ranks["ndcg_cut_3"], "ndcg_at_10": all_ranks["ndcg_cut_10"],
            "ndcg_at_100": all_ranks["ndcg_cut_100"], "recall_at_10": all_ranks["recall_10"],
            "recall_at_100": all_ranks["recall_100"],
            "mrr_at_10": evaluate(each["judgments"], each["ranking"][:10], {"recip_rank"})["recip_rank"]}
    with open(out, "w", encoding="utf-8") as file:
        json.dump({"cases": cases}, file, separators=(",", ":"))
        file.write("\n")


if __name__ == "__main__":
    main(*sys.argv[1:2])
