"""The AWS that the tests and `make aws-demo` run on: ministack, plus what the hub needs and ministack lacks.

README.md says how it starts, what each module adds, and what still differs from AWS. Only `launch` is imported
by tests; the other modules run in the emulator's own process, in its own virtual environment.
"""
