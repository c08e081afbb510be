"""The peer of test/support/peers/websockets.ts: Python's `websockets`, told by lines of JSON what to do."""

import asyncio
import base64
import json
import ssl
import sys

import websockets
from websockets.extensions import permessage_deflate

MAX_SIZE = 1 << 24
LONGEST_LINE = 1 << 26

connections = {}
servers = {}


def add(connection):
    number = len(connections) + 1
    connections[number] = connection
    extensions = ", ".join(repr(extension) for extension in connection.extensions)
    return {"connection": number, "protocol": connection.subprotocol or "", "extensions": extensions}


def payload_of(value):
    return value["text"] if "text" in value else base64.b64decode(value["bytes"])


def compression_of(command, make):
    """What our options are called there. Without them it does as it does by itself."""
    wanted = command.get("compression")
    if wanted is None:
        return {}
    if wanted is False:
        return {"compression": None}
    if wanted is True:
        return {"compression": "deflate"}
    bits = wanted.get("clientMaxWindowBits", True if make is permessage_deflate.ClientPerMessageDeflateFactory else None)
    factory = make(
        server_no_context_takeover=wanted.get("serverNoContextTakeover", False),
        client_no_context_takeover=wanted.get("clientNoContextTakeover", False),
        server_max_window_bits=wanted.get("serverMaxWindowBits"),
        client_max_window_bits=None if bits is False else bits,
    )
    return {"compression": None, "extensions": [factory]}


async def connect(command):
    context = None
    if command["url"].startswith("wss:"):
        context = ssl.create_default_context(cafile=command["ca"])
    protocols = command["protocols"] or None
    options = {"ssl": context, "subprotocols": protocols, "max_size": MAX_SIZE}
    options |= compression_of(command, permessage_deflate.ClientPerMessageDeflateFactory)
    return add(await websockets.connect(command["url"], **options))


async def listen(command):
    accepted = asyncio.Queue()
    context = None
    if "cert" in command:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(command["cert"], command["key"])

    async def handle(connection, *_):
        await accepted.put(connection)
        await connection.wait_closed()

    protocols = command["protocols"] or None
    options = {"ssl": context, "subprotocols": protocols, "max_size": MAX_SIZE}
    options |= compression_of(command, permessage_deflate.ServerPerMessageDeflateFactory)
    server = await websockets.serve(handle, "127.0.0.1", 0, **options)
    number = len(servers) + 1
    servers[number] = (server, accepted)
    return {"server": number, "port": server.sockets[0].getsockname()[1]}


async def accept(command):
    return add(await servers[command["server"]][1].get())


async def stop(command):
    servers[command["server"]][0].close()


async def send(command):
    await connections[command["connection"]].send(payload_of(command["message"]))


async def send_fragments(command):
    parts = [payload_of(part) for part in command["parts"]]
    await connections[command["connection"]].send(parts)


async def ping(command):
    answered = await connections[command["connection"]].ping(command["payload"])
    await answered


async def receive(command):
    message = await connections[command["connection"]].recv()
    if isinstance(message, str):
        return {"text": message}
    return {"bytes": base64.b64encode(message).decode()}


async def close(command):
    await connections[command["connection"]].close(command["code"], command["reason"])


async def closed(command):
    connection = connections[command["connection"]]
    await connection.wait_closed()
    return {"code": connection.close_code, "reason": connection.close_reason}


COMMANDS = {f.__name__: f for f in (connect, listen, accept, stop, send, send_fragments, ping, receive, close, closed)}


async def run(command):
    answer = {"id": command["id"]}
    try:
        answer["result"] = await COMMANDS[command["do"]](command)
    except Exception as error:
        answer["error"] = repr(error)
    print(json.dumps(answer), flush=True)


async def main():
    lines = asyncio.StreamReader(limit=LONGEST_LINE)
    loop = asyncio.get_running_loop()
    # Answers report failures; a connection that a test leaves behind is not a failure.
    loop.set_exception_handler(lambda *_: None)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    tasks = set()
    while line := await lines.readline():
        # Kept here: the loop itself keeps no tasks.
        task = asyncio.create_task(run(json.loads(line)))
        tasks.add(task)
        task.add_done_callback(tasks.discard)


asyncio.run(main())
