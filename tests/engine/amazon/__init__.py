"""moto as AWS, with two holes filled: functions from an image really run, and images go to a real registry.

terraform-provider-aws, boto3, mldeploy ─HTTP─▶ moto ─▶ the image under AWS's runtime interface emulator, in Docker
"""
