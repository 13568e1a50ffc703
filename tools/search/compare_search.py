"""Exact search next to faiss-cpu and sqlite-vec, one run, alternating: what docs/BENCHMARKS_SEARCH.md says about src/index/dense_scan.h.

    python3.11 -m venv venv && venv/bin/pip install numpy faiss-cpu==1.15.1 sqlite-vec==0.1.9
    venv/bin/python compare_search.py prepare FOLDER --rows 100000
    venv/bin/python compare_search.py measure FOLDER --bench build/release/bench/search_bench

    venv/bin/python compare_search.py hybrid FOLDER --library LIBRARY --bench build/release/bench/library_bench

`prepare` writes random unit vectors of 1024 numbers and all indexes; `measure` asks each for 40 rows, in turns, and
prints the best and the middle time of a query in ms. Nothing else should run then. sqlite-vec in f32 is left out from
300,000 rows on: it would take 4 GB and a second a query. `hybrid` makes of the passages of a library (library_bench) a
table of sqlite-vec with 8 bits and one of FTS5, and asks both for the first 100, as oko does, with 8 words of a passage.
"""

import argparse
import json
import os
import sqlite3
import statistics
import subprocess
import time

import faiss
import numpy as np
import sqlite_vec

DIMENSIONS, RESULTS = 1024, 40


def vectors(rows, seed):
    random = np.random.default_rng(seed)
    for first in range(0, rows, 10000):
        x = random.standard_normal((min(10000, rows - first), DIMENSIONS), dtype=np.float32)
        yield first, x / np.linalg.norm(x, axis=1, keepdims=True)


def database(path):
    connection = sqlite3.connect(path)
    connection.enable_load_extension(True)
    sqlite_vec.load(connection)
    return connection


def kinds(rows):
    return ["int8"] if rows > 300000 else ["int8", "float"]


def prepare(folder, rows):
    os.makedirs(folder, exist_ok=True)
    flat = faiss.IndexFlatIP(DIMENSIONS)
    bytes_index = faiss.IndexScalarQuantizer(DIMENSIONS, faiss.ScalarQuantizer.QT_8bit, faiss.METRIC_INNER_PRODUCT)
    connection = database(os.path.join(folder, "vec.db"))
    for kind in kinds(rows):
        connection.execute(f"create virtual table {kind}_vectors using vec0(v {kind}[{DIMENSIONS}] distance_metric=cosine)")
    for first, x in vectors(rows, 1):
        if not bytes_index.is_trained:
            bytes_index.train(x)
        flat.add(x)
        bytes_index.add(x)
        for kind in kinds(rows):
            data = x if kind == "float" else np.clip(np.rint(x * 127 * 8), -127, 127).astype(np.int8)
            value = "?" if kind == "float" else "vec_int8(?)"
            connection.executemany(f"insert into {kind}_vectors(rowid, v) values (?, {value})",
                                   [(first + i, row.tobytes()) for i, row in enumerate(data)])
        connection.commit()
    faiss.write_index(flat, os.path.join(folder, "flat"))
    faiss.write_index(bytes_index, os.path.join(folder, "bytes"))
    json.dump({"rows": rows}, open(os.path.join(folder, "rows.json"), "w"))


def measure(folder, bench, rounds):
    rows = json.load(open(os.path.join(folder, "rows.json")))["rows"]
    flat = faiss.read_index(os.path.join(folder, "flat"))
    bytes_index = faiss.read_index(os.path.join(folder, "bytes"))
    connection = database(os.path.join(folder, "vec.db"))
    _, queries = next(vectors(rounds + 1, 2))

    def of_faiss(index):
        return lambda query: index.search(query[None], RESULTS)

    def of_sqlite(kind):
        def search(query):
            data = query if kind == "float" else np.clip(np.rint(query * 127 * 8), -127, 127).astype(np.int8)
            value = "?" if kind == "float" else "vec_int8(?)"
            connection.execute(f"select rowid from {kind}_vectors where v match {value} and k = {RESULTS}",
                               (data.tobytes(),)).fetchall()
        return search

    peers = {"faiss IndexFlatIP": of_faiss(flat), "faiss QT_8bit": of_faiss(bytes_index)}
    for kind in kinds(rows):
        peers[f"sqlite-vec {kind}"] = of_sqlite(kind)
    times = {name: [] for name in peers}
    for name, search in peers.items():
        search(queries[-1])  # into memory
    for name in ("dense_scan", "read_loop"):
        times["oko " + name] = []
    for i in range(rounds):
        for name in ("dense_scan", "read_loop"):
            out = subprocess.run([bench, f"--benchmark_filter=^{name}/{rows}/{DIMENSIONS}/", "--benchmark_min_time=0.1",
                                  "--benchmark_format=json"], env={**os.environ, "OKO_SEARCH_ROWS": str(rows)},
                                 capture_output=True, check=True)
            times["oko " + name].append(json.loads(out.stdout)["benchmarks"][0]["real_time"])
        for name, search in peers.items():
            start = time.perf_counter()
            search(queries[i])
            times[name].append(1000 * (time.perf_counter() - start))
    for name, values in times.items():
        print(f"{name:20} best {min(values):8.2f} ms   middle {statistics.median(values):8.2f} ms")


def prepare_hybrid(connection, library):
    connection.execute(f"create virtual table vectors using vec0(v int8[{DIMENSIONS}] distance_metric=cosine)")
    connection.execute("create virtual table words using fts5(text)")
    texts = sqlite3.connect(f"file:{library}?mode=ro", uri=True)
    connection.executemany("insert into words(rowid, text) values (?, ?)", texts.execute("select id, text from chunks"))
    rows = texts.execute("select count(*) from chunks").fetchone()[0]
    for first, x in vectors(rows, 1):
        data = np.clip(np.rint(x * 127 * 8), -127, 127).astype(np.int8)
        connection.executemany("insert into vectors(rowid, v) values (?, vec_int8(?))",
                               [(1 + first + i, row.tobytes()) for i, row in enumerate(data)])
    connection.commit()


def hybrid(folder, library, bench, rounds):
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, "hybrid.db")
    is_new = not os.path.exists(path)
    connection = database(path)
    if is_new:
        prepare_hybrid(connection, library)
    rows = connection.execute("select count(*) from words").fetchone()[0]
    _, queries = next(vectors(rounds, 2))
    random = np.random.default_rng(3)
    times = {"oko": [], "FTS5": [], "sqlite-vec": []}
    for i in range(rounds):
        if i % 20 == 0:
            out = subprocess.run([bench, "--benchmark_filter=^hybrid/question/", "--benchmark_format=json"],
                                 env={**os.environ, "OKO_LIBRARY": library, "OKO_LIBRARY_CHUNKS": str(rows)},
                                 capture_output=True, check=True)
            times["oko"].append(json.loads(out.stdout)["benchmarks"][0]["p50"])
        text = connection.execute("select text from words where rowid = ?", (int(random.integers(1, rows)),)).fetchone()[0]
        start = time.perf_counter()
        match = " OR ".join(f'"{word}"' for word in text.split()[20:28])
        connection.execute("select rowid from words where words match ? order by rank limit 100", (match,)).fetchall()
        times["FTS5"].append(1000 * (time.perf_counter() - start))
        start = time.perf_counter()
        data = np.clip(np.rint(queries[i] * 127 * 8), -127, 127).astype(np.int8)
        connection.execute("select rowid from vectors where v match vec_int8(?) and k = 100", (data.tobytes(),)).fetchall()
        times["sqlite-vec"].append(1000 * (time.perf_counter() - start))
    for name, values in times.items():
        print(f"{name:20} best {min(values):8.2f} ms   middle {statistics.median(values):8.2f} ms")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("step", choices=["prepare", "measure", "hybrid"])
    parser.add_argument("folder")
    parser.add_argument("--rows", type=int, default=100000)
    parser.add_argument("--library")
    parser.add_argument("--bench", default="build/release/bench/search_bench")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    if options.step == "prepare":
        prepare(options.folder, options.rows)
    elif options.step == "hybrid":
        hybrid(options.folder, options.library, options.bench, options.rounds)
    else:
        measure(options.folder, options.bench, options.rounds)


if __name__ == "__main__":
    main()
