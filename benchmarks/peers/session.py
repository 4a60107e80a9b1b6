"""What every peer serves: the same model, session settings, decoding and answer, written the way their users would."""

import io
import json
import os
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image

MODEL = Path(os.environ["BENCH_MODEL"])
LABELS = json.loads(os.environ["BENCH_LABELS"])
IS_IMAGE = os.environ["BENCH_KIND"] == "image"
SESSION = onnxruntime.InferenceSession(MODEL)
NAME = SESSION.get_inputs()[0].name
OUTPUT = SESSION.get_outputs()[-1].name


def preprocess(data: bytes) -> np.ndarray:
    """JPEG bytes -> float32 [1, 3, 224, 224], as examples/imagenet/mldeploy.yaml declares."""
    image = Image.open(io.BytesIO(data)).convert("RGB")
    width, height = image.size
    ratio = 256 / min(width, height)
    image = image.resize((round(width * ratio), round(height * ratio)), Image.Resampling.BICUBIC)
    left, top = (image.width - 224) // 2, (image.height - 224) // 2
    pixels = np.asarray(image.crop((left, top, left + 224, top + 224)), np.float32)
    return np.ascontiguousarray(((pixels - 127) / 128).transpose(2, 0, 1)[None])


def best(scores: np.ndarray, k: int) -> list[dict[str, object]]:
    order = np.argsort(scores)[::-1][:k]
    return [{"label": LABELS[i], "index": int(i), "score": float(scores[i])} for i in order]


def predict_image(data: bytes) -> dict[str, object]:
    logits = SESSION.run([OUTPUT], {NAME: preprocess(data)})[0]
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    return {"predictions": [best(row, 5) for row in odds / odds.sum(axis=1, keepdims=True)]}


def predict_rows(inputs: list[list[float]]) -> dict[str, object]:
    scores = SESSION.run([OUTPUT], {NAME: np.asarray(inputs, np.float32)})[0]
    return {"predictions": [best(row, 3) for row in scores]}
