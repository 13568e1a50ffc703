#!/usr/bin/env python3
"""What slow clients and many requests cost `oko serve`. Linux.

    python3 bench/serve_faults.py health    # /health during a generation and 200 slow sockets
    python3 bench/serve_faults.py requests  # 10,000 requests: private memory and descriptors

    --oko PROGRAM   default: build/release/oko
    --model FOLDER  default: demo/models/tiny-vl
    --count N       requests

Prints one line of JSON.
"""

import argparse
import base64
import http.client
import json
import multiprocessing
import os
import re
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SLOW_SOCKETS = 200
CLIENTS = 4


class Server:
    def __init__(self, oko, model):
        environment = {**os.environ, "LC_ALL": "C.UTF-8"}
        command = [oko, "serve", "--port", "0", "--model", model, "--quiet"]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
        )
        self.port = int(re.search(r":(\d+);", self.process.stdout.readline()).group(1))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(60)
        if status != 0:
            raise SystemExit(f"oko serve ended with status {status}")

    def private_bytes(self):
        rollup = Path(f"/proc/{self.process.pid}/smaps_rollup").read_text()
        return sum(int(kb) * 1024 for kb in re.findall(r"^Private_\w+: +(\d+) kB", rollup, re.M))

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))


def ask(connection, path, body=None):
    method = "GET" if body is None else "POST"
    connection.request(method, path, None if body is None else json.dumps(body))
    answer = connection.getresponse()
    return answer.status, answer.read()


def long_answer(model):
    """No token of the model ends it; the temperature keeps it from a loop."""
    ends = json.loads((Path(model) / "generation_config.json").read_text())["eos_token_id"]
    ends = ends if isinstance(ends, list) else [ends]
    return {
        "messages": [{"role": "user", "content": "Describe"}],
        "max_tokens": 3000,
        "temperature": 2,
        "logit_bias": {str(end): -100 for end in ends},
        "stream": True,
    }


def drip(port, ready, stop):
    """A byte of a body in each of many sockets, ten times a second."""
    sockets = []
    for _ in range(SLOW_SOCKETS):
        client = socket.create_connection(("127.0.0.1", port))
        client.sendall(
            b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n"
        )
        sockets.append(client)
    ready.set()
    while not stop.wait(0.1):
        for client in sockets:
            client.sendall(b" ")


def generate(port, model, tokens, stop):
    """Answers without a pause between them; counts their pieces."""
    while not stop.is_set():
        connection = http.client.HTTPConnection("127.0.0.1", port)
        connection.request("POST", "/v1/chat/completions", json.dumps(long_answer(model)))
        answer = connection.getresponse()
        while not stop.is_set() and (line := answer.readline()):
            with tokens.get_lock():
                tokens.value += line.startswith(b"data: {")
        connection.close()


def percentile(sorted_times, share):
    return sorted_times[min(len(sorted_times) - 1, int(share * len(sorted_times)))]


def measure_health(server, arguments):
    tokens = multiprocessing.Value("l", 0)
    ready, stop = multiprocessing.Event(), multiprocessing.Event()
    helpers = [
        multiprocessing.Process(target=drip, args=(server.port, ready, stop)),
        multiprocessing.Process(
            target=generate, args=(server.port, arguments.model, tokens, stop)
        ),
    ]
    for helper in helpers:
        helper.start()
    ready.wait(60)
    while tokens.value < 10:
        time.sleep(0.01)
    times, begin, first = [], time.perf_counter(), tokens.value
    kept = http.client.HTTPConnection("127.0.0.1", server.port)
    for i in range(arguments.count or 2000):
        asked = time.perf_counter()
        connection = kept if i % 2 else http.client.HTTPConnection("127.0.0.1", server.port)
        status, _ = ask(connection, "/health")
        times.append((time.perf_counter() - asked) * 1000)
        if status != 200:
            raise SystemExit(f"/health answered {status}")
        if connection is not kept:
            connection.close()
        time.sleep(0.005)
    seconds, generated = time.perf_counter() - begin, tokens.value - first
    stop.set()
    for helper in helpers:
        helper.join(30)
    times.sort()
    return {
        "requests": len(times),
        "slow_sockets": SLOW_SOCKETS,
        "p50_ms": round(percentile(times, 0.5), 2),
        "p99_ms": round(percentile(times, 0.99), 2),
        "most_ms": round(times[-1], 2),
        "generated_tokens_per_second": round(generated / seconds, 1),
    }


def request_kinds():
    picture = base64.b64encode((ROOT / "demo/images/hearts.jpg").read_bytes()).decode()
    url = {"type": "image_url", "image_url": {"url": "data:image/jpeg;base64," + picture}}
    text = {"role": "user", "content": "Describe"}
    return [
        ("/v1/chat/completions", {"max_tokens": 4, "messages": [text]}, 200),
        ("/v1/chat/completions", {"max_tokens": 4, "stream": True, "messages": [text]}, 200),
        ("/v1/messages", {"max_tokens": 4, "messages": [text]}, 200),
        ("/api/chat", {"model": "tiny-vl", "messages": [text], "options": {"num_predict": 4}}, 200),
        ("/v1/models", None, 200),
        ("/health", None, 200),
        ("/v1/chat/completions", {"messages": 1}, 400),
        ("/nowhere", None, 404),
        (
            "/v1/chat/completions",
            {"max_tokens": 4, "messages": [{"role": "user", "content": [url]}]},
            200,
        ),
        ("/metrics", None, 200),
    ]


def ask_many(port, count, failures):
    kinds = request_kinds()
    connection = http.client.HTTPConnection("127.0.0.1", port)
    for i in range(count):
        path, body, expected = kinds[i % len(kinds)]
        status, _ = ask(connection, path, body)
        if status != expected:
            failures.append((path, status))
        if i % 100 == 99:  # connections come and go, too, some in the middle of an answer
            gone = http.client.HTTPConnection("127.0.0.1", port)
            gone.request("POST", kinds[0][0], json.dumps(kinds[0][1]))
            gone.close()
            connection.close()
    connection.close()


def measure_requests(server, arguments):
    count, failures = arguments.count or 10_000, []

    def run(requests):
        clients = [
            threading.Thread(target=ask_many, args=(server.port, requests // CLIENTS, failures))
            for _ in range(CLIENTS)
        ]
        for client in clients:
            client.start()
        for client in clients:
            client.join()
        time.sleep(3)  # the last sockets close
        return server.private_bytes(), server.descriptors()

    warm = run(count // 10)
    begin = time.perf_counter()
    steps = [run(count // 5) for _ in range(5)]
    return {
        "requests": count,
        "requests_per_second": round(count / (time.perf_counter() - begin - 15), 1),
        "failures": failures[:3],
        "private_mb": [round(private / 1e6, 1) for private, _ in [warm, *steps]],
        "grown_mb": round((steps[-1][0] - warm[0]) / 1e6, 1),
        "descriptors": [warm[1], steps[-1][1]],
    }


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["health", "requests"])
    parser.add_argument("--oko", default=str(ROOT / "build/release/oko"))
    parser.add_argument("--model", default=str(ROOT / "demo/models/tiny-vl"))
    parser.add_argument("--count", type=int)
    arguments = parser.parse_args()
    with Server(arguments.oko, arguments.model) as server:
        measure = measure_health if arguments.what == "health" else measure_requests
        print(json.dumps({"what": arguments.what, **measure(server, arguments)}))


if __name__ == "__main__":
    main()
