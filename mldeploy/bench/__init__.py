"""Measure a serving deployment honestly: what a caller sees, with what the measuring itself costs beside it.

load.py      the client, in a process of its own: raw sockets, keep-alive, one event loop      ─▶ Level
echo.py      a server that does nothing: what client and loopback cost without a model         ─▶ Level
runtime.py   a runtime process under control, for cold starts, memory and `mldeploy serve`
measure.py   the order of things                                                               ─▶ Report
plot.py · report.py                                                                Report ─▶ SVG, HTML
sweep.py     the same model at the sizes that clouds sell, by sweep_docker.py or sweep_model.py ─▶ Point…
live.py      what a deployment's own log says                                                  ─▶ Live
"""
