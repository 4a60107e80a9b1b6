"""Train the wine classifier that this example serves, and write its held-out rows.

    python train.py        needs: pip install 'mldeploy[sklearn]'

Data: scikit-learn's copy of the UCI wine recognition data (178 wines, 13 measurements, 3 cultivars). Writes model.skops,
heldout.csv (the measurements, then the true cultivar) and request.csv.
"""

import csv
from pathlib import Path

import skops.io
from sklearn.datasets import load_wine
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import train_test_split

HERE = Path(__file__).parent
CULTIVARS = ["barolo", "grignolino", "barbera"]


def main() -> None:
    wine = load_wine()
    names = [name.replace("/", "_") for name in wine.feature_names]
    train_x, test_x, train_y, test_y = train_test_split(
        wine.data, wine.target, test_size=54, random_state=3, stratify=wine.target
    )
    model = RandomForestClassifier(n_estimators=20, max_depth=5, random_state=3).fit(train_x, train_y)
    skops.io.dump(model, HERE / "model.skops")
    for path, count, extra in ((HERE / "heldout.csv", len(test_x), ["cultivar"]), (HERE / "request.csv", 3, [])):
        with path.open("w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow([*names, *extra])
            for row, target in zip(test_x[:count], test_y[:count], strict=True):
                writer.writerow([*(f"{value:g}" for value in row), *([CULTIVARS[target]] if extra else [])])
    print(f"held-out accuracy {model.score(test_x, test_y):.4f} on {len(test_y)} rows")
    print("request.csv:", [CULTIVARS[t] for t in model.predict(test_x[:3])])


if __name__ == "__main__":
    main()
