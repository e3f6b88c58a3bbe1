"""Who a machine is to the API, and what its role lets it do there.

credentials.py  a machine's credentials for its role     policies.py    what a role's policies say, decided
permissions.py  a call with such credentials, judged     parameters.py  what moto leaves out of a description
machine_api.py  the API as machines reach it
"""
