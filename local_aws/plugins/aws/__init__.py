"""A stand-in for `pulumi-resource-aws`, for a machine that cannot download the real plugin.

schema.py (what pulumi_aws declares), resource.py (what every resource type has in common), one file per AWS
service, functions.py (the look-ups), provider.py (the engine's side).
"""
