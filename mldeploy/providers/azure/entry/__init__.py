"""What ships in an image for Azure, next to `mldeploy.handlers`: translation only.

    Functions host ─▶ Python worker ─▶ app.py ─┬─ http.py      HttpRequest ─▶ gateway ─▶ core ─▶ HttpResponse
                                               ├─ binding.py   blob trigger ─▶ object event ─▶ output binding
                                               ├─ messages.py  Event Grid ─▶ queue ─▶ object event ─▶ result (blobs.py)
                                               └─ schedule.py  timer ─▶ POST /predict
                                     serving.py: the one runtime of the worker process, and the threads it predicts on

It imports the standard library, `mldeploy.handlers`, itself and azure-functions (1.x or 2.x).
"""
