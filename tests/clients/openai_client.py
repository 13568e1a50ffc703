"""OpenAI's client for Python, of two majors."""

import json
import os
from typing import Literal

import openai
from pydantic import BaseModel

from support import (ADDRESS, EMBEDDER, KEY, MODEL, PARAMETERS, PDF, PICTURE, QUESTIONS, TEXTS,
                     TRUTH, base64_of, check, check_arguments, near, raises, run_all, same)

client = openai.OpenAI(base_url=ADDRESS + "/v1", api_key=KEY, max_retries=0)
PICTURE_URI = "data:image/jpeg;base64," + base64_of(PICTURE)
PDF_URI = "data:application/pdf;base64," + base64_of(PDF)
TOOL = {"type": "function", "function": {"name": "get_weather", "description": "Погода",
                                         "parameters": PARAMETERS, "strict": True}}


class Hearts(BaseModel):
    color: Literal["red", "blue"]
    count: Literal[2, 4]


def question(lang, part=None):
    picture = part or {"type": "image_url", "image_url": {"url": PICTURE_URI}}
    return [{"role": "user", "content": [picture, {"type": "text", "text": QUESTIONS[lang]}]}]


def ask(messages, **fields):
    return client.chat.completions.create(model=MODEL, messages=messages, **fields)


def test_chat_of_a_picture_in_both_languages():
    for lang in ("en", "ru"):
        answer = ask(question(lang))
        same(answer.choices[0].message.content, TRUTH[lang])
        same(answer.choices[0].finish_reason, "stop")
        same(answer.usage.total_tokens, answer.usage.prompt_tokens + answer.usage.completion_tokens)


def test_chat_stream_with_usage():
    whole = ask(question("ru"))
    chunks = list(ask(question("ru"), stream=True, stream_options={"include_usage": True}))
    text = "".join(one.choices[0].delta.content or "" for one in chunks if one.choices)
    same(text, TRUTH["ru"])
    same(chunks[-1].choices, [])
    same(chunks[-1].usage.completion_tokens, whole.usage.completion_tokens)
    same(chunks[-2].choices[0].finish_reason, "stop")
    with client.chat.completions.stream(model=MODEL, messages=question("en")) as stream:
        deltas = [event.delta for event in stream if event.type == "content.delta"]
        same("".join(deltas), TRUTH["en"])
        same(stream.get_final_completion().choices[0].message.content, TRUTH["en"])


def test_pdf_is_a_file_of_a_message():
    part = {"type": "file", "file": {"filename": "scan.pdf", "file_data": PDF_URI}}
    same(ask(question("en", part)).choices[0].message.content, TRUTH["pdf"])


def test_several_answers_and_logprobs():
    answer = ask(question("en"), n=2, seed=7, logprobs=True, top_logprobs=2)
    same([one.message.content for one in answer.choices], [TRUTH["en"]] * 2)
    tokens = answer.choices[0].logprobs.content
    same("".join(one.token for one in tokens), TRUTH["en"])
    check(all(len(one.top_logprobs) == 2 and one.logprob <= 0 for one in tokens), tokens)


def test_stop_and_limit():
    same(ask(question("en"), stop=" red").choices[0].message.content, "Four")
    same(ask(question("en"), max_tokens=1).choices[0].finish_reason, "length")


def test_tools():
    messages = [{"role": "user", "content": "Погода?"}]
    whole = ask(messages, tools=[TOOL], tool_choice="required", parallel_tool_calls=False)
    same(whole.choices[0].finish_reason, "tool_calls")
    call = whole.choices[0].message.tool_calls[0]
    same(call.function.name, "get_weather")
    check_arguments(json.loads(call.function.arguments))
    with client.chat.completions.stream(
            model=MODEL, messages=messages, tools=[TOOL], tool_choice="required",
            parallel_tool_calls=False) as stream:
        parts = [one.arguments_delta for one in stream
                 if one.type == "tool_calls.function.arguments.delta"]
        streamed = stream.get_final_completion().choices[0].message.tool_calls[0]
    check(len(parts) > 1, parts)
    same(streamed.function.arguments, call.function.arguments)
    same("".join(parts), call.function.arguments)
    messages += [whole.choices[0].message.model_dump(exclude_none=True),
                 {"role": "tool", "tool_call_id": call.id, "content": "snow"}]
    answer = ask(messages, tools=[TOOL], tool_choice="auto", max_tokens=4)
    check(answer.usage.prompt_tokens > whole.usage.prompt_tokens, answer)


def test_structured_output():
    answer = client.chat.completions.parse(model=MODEL, messages=question("en"),
                                           response_format=Hearts)
    check(isinstance(answer.choices[0].message.parsed, Hearts), answer)
    answer = ask(question("ru"), response_format={"type": "json_object"}, max_tokens=200)
    if answer.choices[0].finish_reason == "stop":
        check(isinstance(json.loads(answer.choices[0].message.content), dict), answer)


def test_completions():
    answer = client.completions.create(model=MODEL, prompt="Hello", max_tokens=4)
    check(answer.choices[0].text and answer.usage.completion_tokens <= 4, answer)
    chunks = client.completions.create(model=MODEL, prompt="Hello", max_tokens=4, stream=True)
    same("".join(one.choices[0].text for one in chunks if one.choices), answer.choices[0].text)


def test_responses():
    content = [{"type": "input_image", "image_url": PICTURE_URI, "detail": "auto"},
               {"type": "input_text", "text": QUESTIONS["ru"]}]
    given = {"model": MODEL, "input": [{"role": "user", "content": content}]}
    answer = client.responses.create(**given)
    same(answer.output_text, TRUTH["ru"])
    same(answer.status, "completed")
    events = list(client.responses.create(**given, stream=True))
    same("".join(one.delta for one in events if one.type == "response.output_text.delta"),
         TRUTH["ru"])
    same(events[-1].type, "response.completed")
    same(events[-1].response.usage.output_tokens, answer.usage.output_tokens)
    parsed = client.responses.parse(**given, text_format=Hearts)
    check(isinstance(parsed.output_parsed, Hearts), parsed)
    raises(openai.BadRequestError,
           lambda: client.responses.create(**given, previous_response_id="resp_1"),
           "previous_response_id")


def test_responses_tools():
    tool = {"type": "function", **TOOL["function"]}
    given = {"model": MODEL, "tools": [tool, {"type": "web_search"}], "tool_choice": "required",
             "parallel_tool_calls": False, "store": False}
    asked = [{"role": "user", "content": "Погода?"}]
    whole = client.responses.create(**given, input=asked)
    call = whole.output[0]
    same([call.type, call.name, call.status], ["function_call", "get_weather", "completed"])
    check_arguments(json.loads(call.arguments))
    with client.responses.stream(**given, input=asked) as stream:
        parts = [one.delta for one in stream
                 if one.type == "response.function_call_arguments.delta"]
        streamed = stream.get_final_response().output[0]
    check(len(parts) > 1, parts)
    same([streamed.arguments, "".join(parts)], [call.arguments] * 2)
    asked += [call.model_dump(exclude_none=True),
              {"type": "function_call_output", "call_id": call.call_id, "output": "snow"}]
    answer = client.responses.create(**{**given, "tool_choice": "auto"}, input=asked,
                                     max_output_tokens=4)
    check(answer.usage.input_tokens > whole.usage.input_tokens, answer)
    raises(openai.BadRequestError,
           lambda: client.responses.create(**{**given, "tools": [{"type": "web_search"}]},
                                           input=asked), "tool_choice")


def test_embeddings_equal_those_of_the_program():
    for form in ({}, {"encoding_format": "float"}, {"encoding_format": "base64"}):
        answer = client.with_raw_response.embeddings.create(model=EMBEDDER, input=TEXTS, **form)
        is_base64 = '"embedding":"' in answer.text.replace(" ", "")
        same(is_base64, form.get("encoding_format") != "float")
        vectors = answer.parse().data
        same([one.index for one in vectors], [0, 1])
        if form.get("encoding_format") != "base64":  # that one the client leaves as it is
            for one, expected in zip(vectors, TRUTH["vectors"]):
                near(one.embedding, expected)
    one = client.embeddings.create(model=EMBEDDER, input=TEXTS[1])
    near(one.data[0].embedding, TRUTH["vectors"][1])
    check(one.usage.prompt_tokens > 0, one)


def test_environment_points_at_the_server():
    """As the README says."""
    os.environ.update(OPENAI_BASE_URL=ADDRESS + "/v1", OPENAI_API_KEY=KEY)
    same(openai.OpenAI().models.list().data[0].id, MODEL)


def test_models():
    same([one.id for one in client.models.list()], [MODEL, EMBEDDER])
    same(client.models.retrieve(MODEL).owned_by, "oko")
    raises(openai.NotFoundError, lambda: client.models.retrieve("none"))


def test_errors_are_of_their_classes():
    error = raises(openai.NotFoundError, lambda: client.chat.completions.create(
        model="none", messages=question("en")), "oko pull qwen3-vl-4b")
    check(error.request_id, error)
    error = raises(openai.BadRequestError, lambda: ask(question("en"), temperature=-1))
    same(error.param, "temperature")
    same(error.type, "invalid_request_error")
    for url, kind in (("data:image/png;base64,A", openai.BadRequestError),
                      ("data:image/png;base64,AAAA", openai.APIStatusError)):  # 415
        part = {"type": "image_url", "image_url": {"url": url}}
        raises(kind, lambda: ask(question("en", part)), "messages[0].content[0]")
    raises(openai.BadRequestError, lambda: client.embeddings.create(model=EMBEDDER, input=[[1, 2]]))
    raises(openai.BadRequestError,
           lambda: client.embeddings.create(model=EMBEDDER, input=["a"], dimensions=3))
    wrong = openai.OpenAI(base_url=ADDRESS + "/v1", api_key="wrong", max_retries=0)
    raises(openai.AuthenticationError, wrong.models.list)
    russian = client.with_options(default_headers={"Accept-Language": "ru"})
    raises(openai.NotFoundError, lambda: russian.models.retrieve("none"), "нет")


def test_async_stream_that_is_left_early():
    import asyncio

    async def first():
        async with openai.AsyncOpenAI(base_url=ADDRESS + "/v1", api_key=KEY) as asynchronous:
            async with await asynchronous.chat.completions.create(
                    model=MODEL, messages=question("en"), stream=True) as stream:
                async for chunk in stream:
                    if chunk.choices[0].delta.content:
                        return chunk.choices[0].delta.content

    check(TRUTH["en"].startswith(asyncio.run(first())), "the first piece")
    same(ask(question("en")).choices[0].message.content, TRUTH["en"])


print("openai", openai.__version__)
run_all(globals())
