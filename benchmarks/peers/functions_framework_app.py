"""functions-framework: `functions-framework --target predict --source functions_framework_app.py`."""

import functions_framework
import session


@functions_framework.http
def predict(request):  # type: ignore[no-untyped-def]
    if session.IS_IMAGE:
        return session.predict_image(request.get_data())
    return session.predict_rows(request.get_json()["inputs"])
