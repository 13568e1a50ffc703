"""clients_test.py PROGRAM NAME TODAY EARLIER: Python's clients whose names have NAME.
clients_test.py PROGRAM NAME NODE: that of Node.js. The last ones are folders of packages.

Starts one server, asks the program itself for what the answers must be, and runs each client.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

from support import PDF, PICTURE, SOURCE, TEXTS

PROGRAM, WANTED, *PACKAGES = sys.argv[1:]
DESCRIBER, EMBEDDER = SOURCE / "demo/models/tiny-vl", SOURCE / "demo/models/e5-small-ru-en"
HERE = pathlib.Path(__file__).resolve().parent
KEY = "a key"
PYTHON_CLIENTS = {"openai 3": "openai", "langchain": "langchain", "ollama": "ollama",
                  "anthropic": "anthropic", "mcp 2": "mcp"}
EARLIER_CLIENTS = {"openai 2": "openai", "mcp 1": "mcp"}


def commands():
    """Of each client, and where it finds its packages."""
    if len(PACKAGES) == 1:
        return {"npm": (["node", f"{PACKAGES[0]}/openai_client.mjs"], "")}
    return {name: ([sys.executable, "-s", f"{client}_client.py"], packages)
            for clients, packages in zip((PYTHON_CLIENTS, EARLIER_CLIENTS), PACKAGES)
            for name, client in clients.items()}


def run(environment, *arguments):
    return subprocess.run([PROGRAM, *map(str, arguments)], env=environment, check=True,
                          capture_output=True, text=True).stdout


def truth(environment):
    """What the program says in a shell, which all clients must get."""
    def describe(file, lang):
        return json.loads(run(environment, "describe", "--json", "--ocr", "off", "--lang", lang,
                              "--model", DESCRIBER, file))["text"]
    vectors = [json.loads(line)["dense"] for line in
               run(environment, "embed", "--json", "--model", EMBEDDER, *TEXTS).splitlines()]
    return {"en": describe(PICTURE, "en"), "ru": describe(PICTURE, "ru"),
            "pdf": describe(PDF, "en"), "vectors": vectors}


def start(environment):
    server = subprocess.Popen(
        [PROGRAM, "serve", "--quiet", "--port", "0", "--threads", "1", "--api-key", KEY,
         "--model", str(DESCRIBER), "--model", str(EMBEDDER)],
        env=environment, stdout=subprocess.PIPE, text=True)
    for word in server.stdout.readline().replace(";", " ").split():
        if word.startswith("http://"):
            return server, word
    raise SystemExit("oko serve has ended")


def main():
    with tempfile.TemporaryDirectory(prefix="oko-clients-") as home:
        environment = {**os.environ, "OKO_HOME": home, "HF_HOME": home, "OKO_DEVICE": "cpu",
                       "LC_ALL": "C.UTF-8", "LANG": "C.UTF-8", "NO_PROXY": "*", "no_proxy": "*"}
        for name in ("OPENAI_BASE_URL", "OPENAI_ORG_ID", "ANTHROPIC_BASE_URL", "OLLAMA_HOST"):
            environment.pop(name, None)
        run(environment, "index", "--quiet", "--model", EMBEDDER, SOURCE / "demo/pages")
        environment["OKO_TEST_TRUTH"] = json.dumps(truth(environment))
        environment["OKO_TEST_KEY"] = KEY
        environment["OKO_TEST_PROGRAM"] = PROGRAM
        environment["OKO_TEST_SOURCE"] = str(SOURCE)
        server, environment["OKO_TEST_ADDRESS"] = start(environment)
        failed = 0
        try:
            for name, (command, packages) in commands().items():
                if WANTED in name:
                    print(f"== {name}", flush=True)
                    client = subprocess.run(command, cwd=HERE,
                                            env={**environment, "PYTHONPATH": packages})
                    failed += client.returncode != 0
        finally:
            server.terminate()
            status = server.wait(60)
    if failed or status:
        raise SystemExit(f"{failed} clients failed; status of oko serve: {status}")


main()
