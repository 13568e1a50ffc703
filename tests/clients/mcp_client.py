"""The official SDK of MCP against `oko mcp` and `oko serve`, of both eras of the protocol."""

import asyncio
import base64
import importlib.metadata
import os
import pathlib

from support import ADDRESS, KEY

PROGRAM = os.environ["OKO_TEST_PROGRAM"]
DEMO = pathlib.Path(__file__).resolve().parents[2] / "demo"
IS_NEW = int(importlib.metadata.version("mcp").split(".")[0]) >= 2
MODELS = ["--model", str(DEMO / "models/tiny-vl"), "--model", str(DEMO / "models/e5-small-ru-en")]
COMMAND = {"command": PROGRAM, "args": ["mcp", "--threads", "1", "--root", str(DEMO), *MODELS],
           "env": {name: os.environ[name] for name in ("OKO_HOME", "OKO_DEVICE", "LC_ALL")}}
URL, HEADERS = ADDRESS + "/mcp", {"Authorization": f"Bearer {KEY}"}


def require(condition, what):
    if not condition:
        raise SystemExit(f"wrong: {what}")


def field(result, old, new):
    return getattr(result, new if IS_NEW else old)


def content(result):
    return field(result, "structuredContent", "structured_content")


def is_error(result):
    return field(result, "isError", "is_error")


async def check(client, path_is_known):
    """What a client of either transport gets."""
    tools = (await client.list_tools()).tools
    require([tool.name for tool in tools]
            == ["describe_image", "read_text", "embed", "search_library"], tools)
    require(all(field(tool.annotations, "readOnlyHint", "read_only_hint") for tool in tools),
            "readOnlyHint")

    picture = base64.b64encode((DEMO / "images/hearts.jpg").read_bytes()).decode()
    shares = []

    async def on_progress(progress, total, message):
        shares.append(progress)

    result = await client.call_tool("describe_image", {"data": picture},
                                    progress_callback=on_progress)
    require(content(result)["text"] == "Four red hearts.", result)
    require(result.content[0].text == "Four red hearts.", result)
    require(shares and shares == sorted(shares) and shares[-1] <= 1, shares)

    receipt = str(DEMO / "pages/receipt.png")
    result = await client.call_tool("read_text", {"path": receipt, "boxes": True})
    require(is_error(result) != path_is_known, result)
    if path_is_known:
        page = content(result)["pages"][0]
        require("Супермаркет" in page["text"], page)
        require(len(page["lines"][0]["box"]) == 4, page)
        outside = await client.call_tool("read_text", {"path": "/etc/passwd"})
        require(is_error(outside) and "--root" in outside.content[0].text, outside)
    else:
        require("--root" in result.content[0].text or "path" in result.content[0].text, result)

    result = await client.call_tool("embed", {"texts": []})
    require(is_error(result) and "texts" in result.content[0].text, result)
    result = await client.call_tool("search_library",
                                    {"query": "a receipt from a shop", "limit": 1})
    found = content(result)["results"]
    require(found[0]["file"] == receipt and len(found[0]["box"]) == 4, result)
    result = await client.call_tool("embed", {"texts": ["hello", "привет"]})
    require(len(content(result)["vectors"][1]) == content(result)["dimensions"], result)


async def check_cancel(client):
    """A call that the client gives up ends, and the next one is answered.

    Not over HTTP with the first era: there the SDK fails if an answer comes after its session.
    """
    picture = base64.b64encode((DEMO / "images/hearts.jpg").read_bytes()).decode()
    call = asyncio.ensure_future(client.call_tool("describe_image", {"data": picture}))
    await asyncio.sleep(0.01)
    call.cancel()
    try:
        await call
    except BaseException:
        pass
    result = await client.call_tool("describe_image", {"data": picture})
    require(content(result)["text"] == "Four red hearts.", result)


async def try_new():
    import httpx2
    from mcp.client.client import Client
    from mcp.client.stdio import StdioServerParameters, stdio_client
    from mcp.client.streamable_http import streamable_http_client
    for mode in ("auto", "legacy"):
        async with Client(stdio_client(StdioServerParameters(**COMMAND)), mode=mode) as client:
            print("stdio", mode, client.protocol_version)
            await check(client, True)
            await check_cancel(client)
        async with httpx2.AsyncClient(headers=HEADERS) as http:
            async with Client(streamable_http_client(URL, http_client=http), mode=mode) as client:
                print("http", mode, client.protocol_version)
                if mode == "auto":
                    await check_cancel(client)
                await check(client, False)


async def try_old():
    from mcp import ClientSession, StdioServerParameters
    from mcp.client.stdio import stdio_client
    from mcp.client.streamable_http import streamablehttp_client
    async with stdio_client(StdioServerParameters(**COMMAND)) as streams:
        async with ClientSession(*streams) as client:
            print("stdio", (await client.initialize()).protocolVersion)
            await client.send_ping()
            await check(client, True)
            await check_cancel(client)
    async with streamablehttp_client(URL, headers=HEADERS) as streams:
        async with ClientSession(streams[0], streams[1]) as client:
            print("http", (await client.initialize()).protocolVersion)
            await client.send_ping()
            await check(client, False)


asyncio.run((try_new if IS_NEW else try_old)())
print("mcp", importlib.metadata.version("mcp"), "done")
