"""What ships in the image for AWS Lambda: events of the platform into requests, answers back. It decides nothing else.

    lambda_function   the handler; the model is loaded while it is imported      loading    environment ─▶ loaded runtime
    dispatch          what kind of event this is                                 deadline   answers before Lambda ends the call
    http_event        function URL, HTTP API 2.0 and 1.0, ALB ─▶ Request         envelope   Response ─▶ what each of them wants
    direct            Invoke and Scheduler                                       events     S3, EventBridge, SQS
    s3 · secrets      the two services that are called, over http.client         sigv4      how such a call is signed
    marshaller        JSON for the runtime client                                worker     a thread for what cannot be stopped
    probe             the handler, asked on standard input

Only the standard library and `mldeploy.handlers` are imported, and what few requests need is imported late.
"""
