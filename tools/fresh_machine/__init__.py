"""Makes a machine ready that has only Debian, Python, Go and make. Standard library only.

machine.py              what is on this machine already, and what is missing to begin with
main.py                 the steps, in one readable list
debian.py               packages by apt
virtual_environment.py  Python packages, by hashes
go_tools.py             pulumi, packer and its amazon plugin, built from pinned modules
pulumi_distribution.py  pulumi with its Python language host beside it, as the official distribution has it
step.py, schedule.py    a step, and several of them at once
processes.py            child processes that are logged, and gone when the set-up is interrupted
"""
