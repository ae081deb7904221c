"""A model server whose model takes a second, as a process: `python -m tests.bench.slow` prints its host and port."""

import asyncio
import json

from aiohttp import web

ANSWER = {
    "id": "c",
    "object": "chat.completion",
    "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": '{"n": 1}'}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
}


async def answer(request: web.Request) -> web.Response:
    await request.read()
    await asyncio.sleep(1.0)
    return web.Response(body=json.dumps(ANSWER).encode(), content_type="application/json")


async def main() -> None:
    application = web.Application()
    application.router.add_post("/v1/chat/completions", answer)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, backlog=2048)
    await site.start()
    print(f"127.0.0.1:{runner.addresses[0][1]}", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
