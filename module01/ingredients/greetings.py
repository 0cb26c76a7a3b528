"""A library: code that somebody else wrote, for many applications."""


def greet(name):
    return f"Hello, {name}!"
