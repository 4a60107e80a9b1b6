"""LitServe: one worker process, its default."""

import sys

import litserve as ls


class Predictor(ls.LitAPI):
    def setup(self, device):  # type: ignore[no-untyped-def]
        import session

        self.session = session

    def decode_request(self, request):  # type: ignore[no-untyped-def]
        return request

    def predict(self, request):  # type: ignore[no-untyped-def]
        if self.session.IS_IMAGE:
            import base64

            return self.session.predict_image(base64.b64decode(request["inputs"]))
        return self.session.predict_rows(request["inputs"])

    def encode_response(self, output):  # type: ignore[no-untyped-def]
        return output


if __name__ == "__main__":
    ls.LitServer(Predictor(), accelerator="cpu").run(
        port=int(sys.argv[1]), host="127.0.0.1", generate_client_file=False, log_level="error"
    )
