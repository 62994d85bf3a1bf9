"""Sends an answer that is ready."""

from starlette.types import Send

from edge.transcoding.frontier import Answer


async def send_answer(answer: Answer, send: Send) -> None:
    """Sends a whole answer over ASGI."""
    await send(
        {
            "type": "http.response.start",
            "status": int(answer.status),
            "headers": list(answer.headers),
        }
    )
    await send({"type": "http.response.body", "body": answer.body})
