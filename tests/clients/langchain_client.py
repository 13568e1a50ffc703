"""LangChain's classes for OpenAI's API."""

from typing import Literal

import openai
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from pydantic import BaseModel

from support import (ADDRESS, EMBEDDER, KEY, MODEL, PICTURE, QUESTIONS, TEXTS, TRUTH, base64_of,
                     check, near, raises, run_all, same)

ACCESS = {"base_url": ADDRESS + "/v1", "api_key": KEY, "max_retries": 0}
chat = ChatOpenAI(model=MODEL, **ACCESS)
URI = "data:image/jpeg;base64," + base64_of(PICTURE)


class Hearts(BaseModel):
    """What is in the picture."""

    color: Literal["red", "blue"]
    count: Literal[2, 4]


@tool
def get_weather(city: Literal["Москва", "Oslo"]) -> str:
    """Погода."""
    return city


def question(lang):
    return [HumanMessage([{"type": "image_url", "image_url": {"url": URI}},
                          {"type": "text", "text": QUESTIONS[lang]}])]


def test_invoke_and_stream():
    for lang in ("en", "ru"):
        answer = chat.invoke(question(lang))
        same(answer.content, TRUTH[lang])
        check(answer.usage_metadata["total_tokens"] > 0, answer)
        whole = None
        for chunk in ChatOpenAI(model=MODEL, stream_usage=True, **ACCESS).stream(question(lang)):
            whole = chunk if whole is None else whole + chunk
        same(whole.content, TRUTH[lang])
        same(whole.usage_metadata["output_tokens"], answer.usage_metadata["output_tokens"])


def test_responses():
    answer = ChatOpenAI(model=MODEL, use_responses_api=True, **ACCESS).invoke(question("en"))
    same(answer.text, TRUTH["en"])


def test_bind_tools():
    messages = [HumanMessage("Погода?")]
    bound = chat.bind_tools([get_weather], tool_choice="get_weather", strict=True)
    answer = bound.invoke(messages)
    call = answer.tool_calls[0]
    same(call["name"], "get_weather")
    check(call["args"]["city"] in ("Москва", "Oslo"), call)
    whole = None
    for chunk in bound.stream(messages):
        whole = chunk if whole is None else whole + chunk
    same([(one["name"], one["args"]) for one in whole.tool_calls],
         [(one["name"], one["args"]) for one in answer.tool_calls])
    results = [ToolMessage("snow", tool_call_id=one["id"]) for one in answer.tool_calls]
    messages += [answer, *results]
    chat.bind_tools([get_weather]).bind(max_tokens=2).invoke(messages)


def test_with_structured_output():
    for method in ("json_schema", "function_calling"):
        found = chat.with_structured_output(Hearts, method=method).invoke(question("en"))
        check(isinstance(found, Hearts), (method, found))


def test_embeddings_equal_those_of_the_program():
    embeddings = OpenAIEmbeddings(model=EMBEDDER, check_embedding_ctx_length=False, **ACCESS)
    for got, expected in zip(embeddings.embed_documents(TEXTS), TRUTH["vectors"]):
        near(got, expected)
    near(embeddings.embed_query(TEXTS[1]), TRUTH["vectors"][1])


def test_errors():
    unknown = ChatOpenAI(model="none", **ACCESS)
    try:
        unknown.invoke("?")
        check(False, "no error")
    except openai.NotFoundError as error:  # LangChain may derive classes of its own
        check("oko pull qwen3-vl-4b" in str(error), error)
    try:
        chat.bind(temperature=-1).invoke("?")
        check(False, "no error")
    except openai.BadRequestError as error:
        check("temperature" in str(error), error)


run_all(globals())
