"""BentoML 1.4: `bentoml serve bentoml_app:Predictor`."""

import bentoml


@bentoml.service(workers=1)
class Predictor:
    def __init__(self) -> None:
        import session

        self.session = session

    @bentoml.api
    def predict(self, inputs: list) -> dict:  # type: ignore[type-arg]
        return self.session.predict_rows(inputs)
