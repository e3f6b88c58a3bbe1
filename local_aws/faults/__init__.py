"""Faults of the AWS API, put in on purpose: what they are, which calls they meet, and what these then get.

fault.py      what a fault is                           call.py      which call a request is
meeting.py    which fault a call meets                  journal.py   the calls there were
errors.py     each service's own words for an error     memory.py    earlier answers, for stale reads
exchange.py   one request and its answer on the wire    doing.py     each kind of fault, done
door.py       the way into the API                      control.py   what the HTTP routes do
client.py     asks a running server                     command.py   python -m local_aws faults|calls
"""
