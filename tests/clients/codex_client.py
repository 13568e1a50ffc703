"""Codex, by its own program: codex_client.py PACKAGES."""

import http.client
import http.server
import json
import os
import subprocess
import sys
import tempfile
import threading
import urllib.parse

from support import ADDRESS, MODEL, PICTURE, check, run_all, same

CODEX = ["node", f"{sys.argv[1]}/node_modules/@openai/codex/bin/codex.js"]
COMMAND = "echo one two"
CONFIG = """
model = "{model}"
model_provider = "oko"
model_instructions_file = "{home}/instructions.md"
check_for_update_on_startup = false
analytics.enabled = false
features = {{ apps = false, goals = false, multi_agent = false, plugins = false }}
[model_providers.oko]
name = "oko"
base_url = "{address}/v1"
env_key = "OKO_TEST_KEY"
wire_api = "responses"
"""


def with_call(body):
    """The first request of a turn, for which the model has nothing else to write than a call."""
    if any(item["type"] == "function_call_output" for item in body["input"]):
        return body
    tool = next(tool for tool in body["tools"] if tool.get("name") == "exec_command")
    tool["parameters"] = {"type": "object", "properties": {"cmd": {"enum": [COMMAND]}},
                          "required": ["cmd"], "additionalProperties": False}
    return {**body, "tool_choice": {"type": "function", "name": "exec_command"}}


class Relay(http.server.ThreadingHTTPServer):
    """Between Codex and oko: keeps what is asked, which `change` may change, and the statuses."""

    def __init__(self, change):
        super().__init__(("127.0.0.1", 0), RelayHandler)
        self.change, self.requests, self.statuses = change, [], []
        threading.Thread(target=self.serve_forever, daemon=True).start()


class RelayHandler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.requests.append(body)
        oko = http.client.HTTPConnection(urllib.parse.urlsplit(ADDRESS).netloc)
        oko.request("POST", self.path, json.dumps(self.server.change(body)),
                    {"Authorization": self.headers["Authorization"]})
        answer = oko.getresponse()
        self.server.statuses.append(answer.status)
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.headers["Content-Type"])
        self.end_headers()
        while piece := answer.read1():
            self.wfile.write(piece)


def turn(question, *options, change=lambda body: body):
    """The items of a turn by type, its last event, and the relay."""
    with tempfile.TemporaryDirectory(prefix="oko-codex-") as home, Relay(change) as relay:
        address = f"http://127.0.0.1:{relay.server_port}"
        with open(f"{home}/config.toml", "w", encoding="utf8") as config:
            config.write(CONFIG.format(home=home, model=MODEL, address=address))
        with open(f"{home}/instructions.md", "w", encoding="utf8") as instructions:
            instructions.write("You are an agent.")
        run = subprocess.run(
            [*CODEX, "exec", "--json", "--skip-git-repo-check", "-s", "read-only", "-C", home,
             *options, "-"], input=question, env={**os.environ, "HOME": home, "CODEX_HOME": home},
            stdout=subprocess.PIPE, text=True, timeout=300)
        relay.shutdown()
    events = [json.loads(line) for line in run.stdout.splitlines()]
    items = {event["item"]["type"]: event["item"] for event in events
             if event["type"] == "item.completed"}
    return items, events[-1], relay


def test_turn_ends_with_words():
    items, end, relay = turn("Say hello.")
    same(end["type"], "turn.completed")
    check(items["agent_message"]["text"], items)
    check(end["usage"]["input_tokens"] > 1000, end)
    same(relay.statuses, [200])


def test_turn_with_a_tool_call():
    items, end, relay = turn("Say hello.", change=with_call)
    same(end["type"], "turn.completed")
    check(COMMAND in items["command_execution"]["command"], items)
    check(items["agent_message"]["text"], items)
    same(relay.statuses, [200, 200])
    call, output = relay.requests[1]["input"][-2:]
    same(json.loads(call["arguments"]), {"cmd": COMMAND})
    same(output["call_id"], call["call_id"])


def test_turn_with_a_picture():
    _, end, relay = turn("Describe this image.", "-i", str(PICTURE))
    same(end["type"], "turn.completed")
    check('"input_image"' in json.dumps(relay.requests[0]), relay.requests[0])


def test_prompt_beyond_the_context_is_not_tried_again():
    _, end, relay = turn("Say hello. " * 20_000)
    same(end["type"], "turn.failed")
    check("context window" in end["error"]["message"], end)
    same(relay.statuses, [400])


run_all(globals())
