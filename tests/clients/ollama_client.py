"""Ollama's client for Python."""

import os
from typing import Literal

import ollama
from pydantic import BaseModel

from support import (ADDRESS, EMBEDDER, KEY, MODEL, PARAMETERS, PICTURE, QUESTIONS, TEXTS, TRUTH,
                     check, check_arguments, near, raises, run_all, same)

client = ollama.Client(host=ADDRESS, headers={"Authorization": f"Bearer {KEY}"})
TOOL = {"type": "function", "function": {"name": "get_weather", "description": "Погода",
                                         "parameters": PARAMETERS}}


class Hearts(BaseModel):
    color: Literal["red", "blue"]
    count: Literal[2, 4]


def question(lang):
    return [{"role": "user", "content": QUESTIONS[lang], "images": [PICTURE.read_bytes()]}]


def test_what_is_there():
    same([one.model for one in client.list().models], [MODEL + ":latest", EMBEDDER + ":latest"])
    check({"completion", "vision"} <= set(client.show(MODEL).capabilities), client.show(MODEL))
    same(client.show(EMBEDDER).capabilities, ["embedding"])


def test_chat_of_a_picture_in_both_languages():
    for lang in ("en", "ru"):
        answer = client.chat(model=MODEL, messages=question(lang))
        same(answer.message.content, TRUTH[lang])
        check(answer.done and answer.done_reason == "stop", answer)
        parts = list(client.chat(model=MODEL + ":latest", messages=question(lang), stream=True))
        same("".join(one.message.content for one in parts), TRUTH[lang])
        same(parts[-1].eval_count, answer.eval_count)
        check(parts[-1].done and not parts[0].done, parts)


def test_generate():
    given = {"model": MODEL, "prompt": QUESTIONS["en"], "images": [PICTURE.read_bytes()]}
    same(client.generate(**given).response, TRUTH["en"])
    same("".join(one.response for one in client.generate(**given, stream=True)), TRUTH["en"])
    cut = client.generate(**given, options={"num_predict": 1, "seed": 1, "temperature": 0})
    same((cut.eval_count, cut.done_reason), (1, "length"))


def test_format():
    answer = client.chat(model=MODEL, messages=question("en"), format=Hearts.model_json_schema())
    Hearts.model_validate_json(answer.message.content)


def test_tools():
    messages = [{"role": "user", "content": "Погода?"}]
    bias = {"tool_choice": "required"}  # a field of oko's: the model would not call by itself
    answer = client._request(ollama.ChatResponse, "POST", "/api/chat", json={
        "model": MODEL, "messages": messages, "tools": [TOOL], "stream": False, **bias})
    call = answer.message.tool_calls[0].function
    same(call.name, "get_weather")
    check_arguments(call.arguments)
    messages += [answer.message, {"role": "tool", "tool_name": call.name, "content": "snow"}]
    later = client.chat(model=MODEL, messages=messages, tools=[TOOL], options={"num_predict": 2})
    check(later.prompt_eval_count > answer.prompt_eval_count, later)

    def get_weather(city: str) -> str:
        """Tells the weather.

        Args:
          city: where
        """
        return city

    client.chat(model=MODEL, messages=messages[:1], tools=[get_weather], options={"num_predict": 2})


def test_embeddings_equal_those_of_the_program():
    for got, expected in zip(client.embed(model=EMBEDDER, input=TEXTS).embeddings,
                             TRUTH["vectors"]):
        near(got, expected)
    near(client.embeddings(model=EMBEDDER, prompt=TEXTS[1]).embedding, TRUTH["vectors"][1])


def test_models_go_when_they_are_told():
    client.generate(model=MODEL, keep_alive="5m")
    check(MODEL + ":latest" in [one.model for one in client.ps().models], client.ps())
    same(client.generate(model=MODEL, keep_alive=0).done_reason, "unload")


def test_environment_points_at_the_server():
    """As the README says."""
    os.environ.update(OLLAMA_HOST=ADDRESS, OLLAMA_API_KEY=KEY)
    same(ollama.Client().list().models[0].model, MODEL + ":latest")


def test_errors():
    error = raises(ollama.ResponseError, lambda: client.chat(model="none", messages=question("en")),
                   "oko pull qwen3-vl-4b")
    same(error.status_code, 404)
    damaged = [{"role": "user", "content": "?", "images": [b"abcd" * 10]}]
    same(raises(ollama.ResponseError,
                lambda: client.chat(model=MODEL, messages=damaged)).status_code, 415)
    wrong = ollama.Client(host=ADDRESS, headers={"Authorization": "Bearer wrong"})
    same(raises(ollama.ResponseError, wrong.list).status_code, 401)
    russian = ollama.Client(host=ADDRESS, headers={"Authorization": f"Bearer {KEY}",
                                                   "Accept-Language": "ru"})
    raises(ollama.ResponseError, lambda: russian.show("none"), "нет")


run_all(globals())
