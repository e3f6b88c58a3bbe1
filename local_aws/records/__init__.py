"""Instances without machines: records whose states and health follow a script (--machines none).

script.py   what is to become of a record        machine.py  one record in a machine's place
machines.py all of them, and their one thread    proxy.py    target health by the script, without haproxy
addresses.py  their addresses                    images.py   thousands of AMIs at once
"""
