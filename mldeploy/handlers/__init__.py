"""The runtime island: everything that ships in an image, next to a bundle, on every cloud.

    bytes ─server─▶ Request ─core─▶ (decode ▶ engine ▶ encode) ─▶ Response ─server─▶ bytes

It imports the standard library, the inference engine (lazily) and nothing from `mldeploy` outside this folder. numpy is
imported only by the stock engine, scikit-learn and hooks.
"""
