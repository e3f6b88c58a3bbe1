"""A stand-in for Pulumi's `pulumi-language-python`, used only where the official one is not installed.

The engine starts it, reads a port from its standard output and speaks `pulumirpc.LanguageRuntime` to it. The
official host ships with Pulumi's own distribution and is in no package registry. The program itself is run by
the SDK's own `pulumi-language-python-exec`, so a program behaves as it does under the official host.

interpreter.py  which Python runs the program, and in which environment
packages.py     which plugins the program's packages need
program.py      one run of the program: arguments, environment, child process, result
server.py       the gRPC service
"""
