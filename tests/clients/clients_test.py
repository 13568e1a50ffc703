"""clients_test.py PROGRAM LANGUAGE PACKAGES... -- ARGUMENTS...: as run.sh says.

Starts one server, asks the program itself for what the answers must be, and runs each client.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

from support import PDF, PICTURE, SOURCE, TEXTS

PROGRAM, LANGUAGE, *REST = sys.argv[1:]
PACKAGES, ARGUMENTS = REST[:REST.index("--")], REST[REST.index("--") + 1:]
DESCRIBER, EMBEDDER = SOURCE / "demo/models/tiny-vl", SOURCE / "demo/models/e5-small-ru-en"
HERE = pathlib.Path(__file__).resolve().parent
KEY = "a key"
PYTHON_CLIENTS = {"openai 3": "openai", "langchain": "langchain", "ollama": "ollama",
                  "anthropic": "anthropic", "mcp 2": "mcp"}
EARLIER_CLIENTS = {"openai 2": "openai", "mcp 1": "mcp"}


# Not "positive_data_acceptance": no schema can say which text is a picture, or which models are
# here. A list that is too long gets 413, of which "negative_data_rejection" does not know.
CHECKS = ["not_a_server_error", "status_code_conformance", "content_type_conformance",
          "response_headers_conformance", "response_schema_conformance", "unsupported_method",
          "allow_header_conformance", "ignored_auth"]


def schemathesis(address):
    options = ARGUMENTS or ["--phases=coverage,fuzzing", "--max-examples=5", "--seed=1",
                            f"--checks={','.join(CHECKS)}"]
    return [sys.executable, "-s", "-m", "schemathesis.cli", "run", f"{address}/openapi.json",
            f"--header=Authorization: Bearer {KEY}", "--generation-database=none", "--no-color",
            *options]


def commands(address):
    """Of each client, and where it finds its packages."""
    if LANGUAGE == "schema":
        return {"schemathesis": (schemathesis(address), PACKAGES[0])}
    wanted = ARGUMENTS[0] if ARGUMENTS else ""
    clients = {"npm": (["node", f"{PACKAGES[0]}/openai_client.mjs"], "")}
    if LANGUAGE == "codex":
        clients = {"codex": ([sys.executable, "-s", str(HERE / "codex_client.py"), PACKAGES[0]],
                             "")}
    if LANGUAGE == "python":
        clients = {name: ([sys.executable, "-s", str(HERE / f"{client}_client.py")], packages)
                   for each, packages in zip((PYTHON_CLIENTS, EARLIER_CLIENTS), PACKAGES)
                   for name, client in each.items()}
    return {name: client for name, client in clients.items() if wanted in name}


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


def with_room(home):
    """A copy of the model whose context has room for the prompt and the tools of Codex."""
    model = pathlib.Path(home) / DESCRIBER.name
    shutil.copytree(DESCRIBER, model)
    config = json.loads((model / "config.json").read_text())
    config["text_config"]["max_position_embeddings"] = 65536
    (model / "config.json").write_text(json.dumps(config))
    return model


def start(environment, describer):
    server = subprocess.Popen(
        [PROGRAM, "serve", "--quiet", "--port", "0", "--threads", "1", "--ocr", "off",
         "--api-key", KEY, "--model", str(describer), "--model", str(EMBEDDER)],
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
        run(environment, "index", "--quiet", "--model", EMBEDDER, SOURCE / "demo/pages",
            SOURCE / "demo/texts")
        environment["OKO_TEST_TRUTH"] = json.dumps(truth(environment))
        environment["OKO_TEST_KEY"] = KEY
        environment["OKO_TEST_PROGRAM"] = PROGRAM
        environment["OKO_TEST_SOURCE"] = str(SOURCE)
        server, address = start(environment, with_room(home) if LANGUAGE == "codex" else DESCRIBER)
        environment["OKO_TEST_ADDRESS"] = address
        failed = 0
        try:
            for name, (command, packages) in commands(address).items():
                print(f"== {name}", flush=True)
                client = subprocess.run(command, cwd=home,
                                        env={**environment, "PYTHONPATH": packages})
                failed += client.returncode != 0
        finally:
            server.terminate()
            status = server.wait(60)
    if failed or status:
        raise SystemExit(f"{failed} clients failed; status of oko serve: {status}")


main()
