"""`python -m bench.baselines.static_route PORT`: the least that FastAPI can do."""

import sys

import uvicorn
from fastapi import FastAPI


def build() -> FastAPI:
    """An app with one route, which does nothing."""
    app = FastAPI()

    @app.get("/")
    async def ok() -> dict[str, bool]:
        return {"ok": True}

    return app


def main() -> None:
    """Serves until it is killed."""
    uvicorn.run(
        build(),
        host="127.0.0.1",
        port=int(sys.argv[1]),
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="warning",
    )


if __name__ == "__main__":
    main()
