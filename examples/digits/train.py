"""Train the digits classifier that this example serves, and write its held-out rows.

    python train.py        needs: pip install 'mldeploy[sklearn]'

Data: scikit-learn's copy of the UCI handwritten digits (1,797 images of 8 x 8 pixels, values 0 to 16), split once with a fixed
seed. Writes model.skops (safe to load: no pickle), heldout.csv (pixels, then the true digit) and request.json.
"""

import csv
import json
from pathlib import Path

import skops.io
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HERE = Path(__file__).parent


def main() -> None:
    pixels, digits = load_digits(return_X_y=True)
    train_x, test_x, train_y, test_y = train_test_split(pixels, digits, test_size=360, random_state=7, stratify=digits)
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.05, max_iter=2000)).fit(train_x, train_y)
    skops.io.dump(model, HERE / "model.skops")
    with (HERE / "heldout.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*(f"p{i}" for i in range(64)), "digit"])
        writer.writerows([*(int(p) for p in row), int(digit)] for row, digit in zip(test_x, test_y, strict=True))
    (HERE / "request.json").write_text(json.dumps({"inputs": [[int(p) for p in test_x[0]]]}) + "\n")
    print(f"held-out accuracy {model.score(test_x, test_y):.4f} on {len(test_y)} rows; request.json shows a {test_y[0]}")


if __name__ == "__main__":
    main()
