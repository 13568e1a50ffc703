"""Anthropic's client for Python."""

import anthropic

from support import (ADDRESS, KEY, MODEL, PDF, PICTURE, QUESTIONS, TRUTH, base64_of, check, raises,
                     run_all, same)

client = anthropic.Anthropic(base_url=ADDRESS, api_key=KEY, max_retries=0)
IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/jpeg",
                                     "data": base64_of(PICTURE)}}
DOCUMENT = {"type": "document", "source": {"type": "base64", "media_type": "application/pdf",
                                           "data": base64_of(PDF)}}


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


def test_count_tokens():
    usage = ask(question("en"), system="Be brief.").usage
    counted = client.messages.count_tokens(model=MODEL, system="Be brief.", messages=question("en"))
    same(counted.input_tokens, usage.input_tokens + usage.cache_read_input_tokens)


def test_models():
    same([one.id for one in client.models.list()], [MODEL, "e5-small-ru-en"])


def test_errors_are_of_their_classes():
    error = raises(anthropic.NotFoundError, lambda: ask(question("en"), model="none"),
                   "oko pull none")
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
