"""Anthropic's client for Python."""

import os
from typing import Literal

import anthropic
from pydantic import BaseModel

from support import (ADDRESS, KEY, MODEL, PARAMETERS, PDF, PICTURE, QUESTIONS, TRUTH, base64_of,
                     check, check_arguments, raises, run_all, same)

client = anthropic.Anthropic(base_url=ADDRESS, api_key=KEY, max_retries=0)
IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/jpeg",
                                     "data": base64_of(PICTURE)}}
DOCUMENT = {"type": "document", "source": {"type": "base64", "media_type": "application/pdf",
                                           "data": base64_of(PDF)}}

TOOLS = {"tools": [{"name": "get_weather", "description": "Погода", "input_schema": PARAMETERS}],
         "tool_choice": {"type": "any", "disable_parallel_tool_use": True}}


class Hearts(BaseModel):
    color: Literal["red", "blue"]
    count: Literal[2, 4]


def question(lang, block=IMAGE):
    return [{"role": "user", "content": [block, {"type": "text", "text": QUESTIONS[lang]}]}]


def ask(messages, **fields):
    return client.messages.create(**{"model": MODEL, "max_tokens": 100, "messages": messages,
                                     **fields})


def test_messages_of_a_picture_in_both_languages():
    for lang in ("en", "ru"):
        answer = ask(question(lang))
        same([one.text for one in answer.content], [TRUTH[lang]])
        same(answer.stop_reason, "end_turn")
        check(answer.usage.output_tokens > 0, answer)


def test_documents():
    same(ask(question("en", DOCUMENT)).content[0].text, TRUTH["pdf"])


def test_stream():
    with client.messages.stream(model=MODEL, max_tokens=100, messages=question("ru")) as stream:
        same("".join(stream.text_stream), TRUTH["ru"])
        final = stream.get_final_message()
    whole = ask(question("ru"))
    same(final.content[0].text, TRUTH["ru"])
    same((final.stop_reason, final.usage.output_tokens), ("end_turn", whole.usage.output_tokens))


def test_stop_sequences_and_limit():
    answer = ask(question("en"), stop_sequences=[" red"])
    same((answer.content[0].text, answer.stop_reason, answer.stop_sequence),
         ("Four", "stop_sequence", " red"))
    same(ask(question("en"), max_tokens=1).stop_reason, "max_tokens")


def test_tools():
    messages = [{"role": "user", "content": "Погода?"}]
    answer = ask(messages, **TOOLS)
    same(answer.stop_reason, "tool_use")
    (call,) = answer.content
    same((call.type, call.name), ("tool_use", "get_weather"))
    check_arguments(call.input)
    with client.messages.stream(model=MODEL, max_tokens=100, messages=messages, **TOOLS) as stream:
        parts = [one.partial_json for one in stream if one.type == "input_json"]
        streamed = stream.get_final_message()
    check(len(parts) > 1, parts)
    same((streamed.stop_reason, streamed.content[0].name, streamed.content[0].input),
         ("tool_use", call.name, call.input))
    same(streamed.usage.output_tokens, answer.usage.output_tokens)
    result = {"type": "tool_result", "tool_use_id": call.id,
              "content": [{"type": "text", "text": "snow"}, IMAGE]}
    messages += [{"role": "assistant", "content": answer.content},
                 {"role": "user", "content": [result]}]
    given = {"messages": messages, "tools": TOOLS["tools"]}
    usage = ask(max_tokens=2, **given).usage
    same(usage.input_tokens + usage.cache_read_input_tokens,
         client.messages.count_tokens(model=MODEL, **given).input_tokens)
    raises(anthropic.BadRequestError, lambda: ask(messages, tools=[
        {"type": "web_search_20250305", "name": "web_search"}]), "tools[0].type")


def test_structured_output():
    answer = client.messages.parse(model=MODEL, max_tokens=200, messages=question("en"),
                                   output_format=Hearts)
    check(isinstance(answer.parsed_output, Hearts), answer)


def test_count_tokens():
    usage = ask(question("en"), system="Be brief.").usage
    counted = client.messages.count_tokens(model=MODEL, system="Be brief.", messages=question("en"))
    same(counted.input_tokens, usage.input_tokens + usage.cache_read_input_tokens)


def test_environment_points_at_the_server():
    """As the README says."""
    os.environ.update(ANTHROPIC_BASE_URL=ADDRESS, ANTHROPIC_API_KEY=KEY)
    same(anthropic.Anthropic().models.list().data[0].id, MODEL)


def test_models():
    same([one.id for one in client.models.list()], [MODEL, "e5-small-ru-en"])


def test_errors_are_of_their_classes():
    error = raises(anthropic.NotFoundError, lambda: ask(question("en"), model="none"),
                   "oko pull qwen3-vl-4b")
    check(error.request_id, error)
    raises(anthropic.BadRequestError, lambda: ask(question("en"), max_tokens=0), "max_tokens")
    by_address = {"type": "image", "source": {"type": "url", "url": "http://x/a.png"}}
    raises(anthropic.BadRequestError, lambda: ask(question("en", by_address)), "content[0]")
    wrong = anthropic.Anthropic(base_url=ADDRESS, api_key="wrong", max_retries=0)
    raises(anthropic.AuthenticationError, lambda: wrong.messages.create(
        model=MODEL, max_tokens=1, messages=question("en")))
    russian = client.with_options(default_headers={"Accept-Language": "ru"})
    raises(anthropic.NotFoundError, lambda: russian.messages.create(
        model="none", max_tokens=1, messages=question("ru")), "нет")


print("anthropic", anthropic.__version__)
run_all(globals())
