"""FastAPI with a sync handler, as its documentation shows: `uvicorn fastapi_app:app`."""

import session
from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool

app = FastAPI()

if session.IS_IMAGE:

    @app.post("/predict")
    async def predict_image(request: Request):  # type: ignore[no-untyped-def]
        return await run_in_threadpool(session.predict_image, await request.body())

else:

    @app.post("/predict")
    def predict_rows(body: dict):  # type: ignore[no-untyped-def,type-arg]
        return session.predict_rows(body["inputs"])
