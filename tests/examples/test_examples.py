"""The examples answer correctly: accuracy on held-out rows, the right names for known photographs, a forecast that holds."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import skimage
import sklearn

EXAMPLES = Path(__file__).parents[2] / "examples"
SKIMAGE, SKLEARN = Path(skimage.__file__).parent / "data", Path(sklearn.__file__).parent / "datasets/images"
Serve = Callable[[str], Callable[[bytes, str], Any]]


def rows_of(example: str) -> list[dict[str, str]]:
    with (EXAMPLES / example / "heldout.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_digits_are_read(serve: Serve) -> None:
    ask, rows = serve("digits"), rows_of("digits")
    inputs = [[float(row[f"p{i}"]) for i in range(64)] for row in rows]
    answer = ask(json.dumps({"inputs": inputs}).encode(), "application/json")
    guesses = [best[0]["label"] for best in answer["predictions"]]
    right = sum(guess == row["digit"] for guess, row in zip(guesses, rows, strict=True))
    assert len(rows) == 360
    assert right / len(rows) >= 0.96  # scikit-learn itself: 349 of 360


def test_wines_are_told_apart_from_csv(serve: Serve) -> None:
    ask, rows = serve("tabular"), rows_of("tabular")
    text = io.StringIO()
    writer = csv.DictWriter(text, [name for name in rows[0] if name != "cultivar"], extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    answer = ask(text.getvalue().encode(), "text/csv")
    guesses = [best[0]["label"] for best in answer["predictions"]]
    right = sum(guess == row["cultivar"] for guess, row in zip(guesses, rows, strict=True))
    assert right / len(rows) >= 0.96  # scikit-learn itself: 53 of 54


def test_a_missing_column_is_named(serve: Serve) -> None:
    ask = serve("tabular")
    with pytest.raises(AssertionError, match="proline"):
        ask(json.dumps({"inputs": [{"alcohol": 13.0}]}).encode(), "application/json")


@pytest.mark.parametrize(
    ("photograph", "label"),
    [
        (SKIMAGE / "chelsea.png", "tiger cat | Egyptian cat"),  # a European shorthair: the model is torn between the two
        (SKIMAGE / "coffee.png", "espresso"),
        (SKIMAGE / "camera.png", "tripod"),
        (SKIMAGE / "motorcycle_left.png", "moped"),
        (SKIMAGE / "rocket.jpg", "missile"),
        (SKLEARN / "china.jpg", "palace"),
        (SKLEARN / "flower.jpg", "daisy"),
    ],
    ids=lambda value: getattr(value, "stem", value),
)
def test_photographs_get_their_names(serve: Serve, photograph: Path, label: str) -> None:
    ask = serve("imagenet")
    answer = ask(photograph.read_bytes(), "image/png" if photograph.suffix == ".png" else "image/jpeg")
    best = answer["predictions"][0]
    assert len(best) == 5
    assert best[0]["label"] in label.split(" | ")
    assert [b["score"] for b in best] == sorted((b["score"] for b in best), reverse=True)
    assert 0 < best[0]["score"] <= 1


def test_the_forecast_holds(serve: Serve) -> None:
    ask = serve("hook")
    series = json.loads((EXAMPLES / "hook/passengers.json").read_text())
    answer = ask(json.dumps({"inputs": {"history": [series[:-12]]}}).encode(), "application/json")
    forecast = answer["outputs"]["forecast"][0]
    errors = [abs(guess / truth - 1) for guess, truth in zip(forecast, series[-12:], strict=True)]
    assert sum(errors) / 12 < 0.03
