"""Drives `oko mcp` and `oko serve` with the official SDK of MCP, any version from 1.20 on.

python3 -m venv /tmp/mcp && /tmp/mcp/bin/pip install mcp==2.3.0   # and once more with mcp==1.30.0
/tmp/mcp/bin/python tools/mcp/try_client.py build/release/oko

Needs Tesseract's data and the models of demo/. Ends with status 0 if all answers are right.
"""

import asyncio
import base64
import importlib.metadata
import os
import pathlib
import socket
import subprocess
import sys
import tempfile

PROGRAM = sys.argv[1]
DEMO = pathlib.Path(__file__).resolve().parents[2] / "demo"
IS_NEW = int(importlib.metadata.version("mcp").split(".")[0]) >= 2
EMBEDDER = DEMO / "models/e5-small-ru-en"
MODELS = ["--model", str(DEMO / "models/tiny-vl"), "--model", str(EMBEDDER)]


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
    result = await client.call_tool("search_library", {"query": "a receipt from a shop", "limit": 1})
    found = content(result)["results"]
    require(found[0]["file"] == receipt and len(found[0]["box"]) == 4, result)
    result = await client.call_tool("embed", {"texts": ["hello", "привет"]})
    require(len(content(result)["vectors"][1]) == content(result)["dimensions"], result)


async def check_cancel(client):
    """A call that the client gives up ends, and the next one is answered."""
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


async def try_new(home):
    from mcp.client.client import Client
    from mcp.client.stdio import StdioServerParameters, stdio_client
    command = StdioServerParameters(command=PROGRAM, args=["mcp", "--root", str(DEMO), *MODELS],
                                    env=environment(home))
    for mode in ("auto", "legacy"):
        async with Client(stdio_client(command), mode=mode) as client:
            print("stdio", mode, client.protocol_version)
            await check(client, True)
            await check_cancel(client)


async def try_old(home):
    from mcp import ClientSession, StdioServerParameters
    from mcp.client.stdio import stdio_client
    command = StdioServerParameters(command=PROGRAM, args=["mcp", "--root", str(DEMO), *MODELS],
                                    env=environment(home))
    async with stdio_client(command) as streams, ClientSession(*streams) as client:
        print("stdio", (await client.initialize()).protocolVersion)
        await client.send_ping()
        await check(client, True)
        await check_cancel(client)


def environment(home):
    return {"OKO_HOME": home, "OKO_DEVICE": "cpu", "LANG": "en_US.UTF-8"}


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


async def try_http(home):
    port = free_port()
    server = subprocess.Popen([PROGRAM, "serve", "--quiet", "--port", str(port), *MODELS],
                              env={**os.environ, **environment(home)}, stdout=subprocess.PIPE)
    server.stdout.readline()
    url = f"http://127.0.0.1:{port}/mcp"
    try:
        if IS_NEW:
            from mcp.client.client import Client
            for mode in ("auto", "legacy"):
                async with Client(url, mode=mode) as client:
                    print("http", mode, client.protocol_version)
                    await check(client, False)
                    await check_cancel(client)
        else:
            from mcp import ClientSession
            from mcp.client.streamable_http import streamablehttp_client
            async with streamablehttp_client(url) as streams:
                async with ClientSession(streams[0], streams[1]) as client:
                    print("http", (await client.initialize()).protocolVersion)
                    await client.send_ping()
                    await check(client, False)
                    await check_cancel(client)
    finally:
        server.terminate()
        require(server.wait(30) == 0, "status of oko serve")


with tempfile.TemporaryDirectory() as folder:
    subprocess.run([PROGRAM, "index", "--quiet", "--model", str(EMBEDDER), str(DEMO / "pages")],
                   env={**os.environ, **environment(folder)}, check=True)
    asyncio.run((try_new if IS_NEW else try_old)(folder))
    asyncio.run(try_http(folder))
print("mcp", importlib.metadata.version("mcp"), "done")
