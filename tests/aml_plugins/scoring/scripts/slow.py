import asyncio
import time


def init():
    pass


async def answer():
    await asyncio.sleep(0.01)
    return "awaited"


def run(data):
    if data == "sleep":
        time.sleep(30)
    if data == "spin":
        while True:
            pass
    if data == "raise":
        raise TimeoutError("mine")
    if data == "swallow":
        try:
            time.sleep(30)
        except TimeoutError:
            return "swallowed"
    if data == "asyncio":
        return asyncio.run(answer())
    if data == "loop":
        loop = asyncio.new_event_loop()
        return loop.run_until_complete(answer())
    return "fast"
