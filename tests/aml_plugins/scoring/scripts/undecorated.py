def init():
    global ready
    ready = True
    print("init", "was", "called", sep="-")


class Odd:
    pass


def echo(text):
    return text


def run(data):
    """Return what the expression after EVAL: says; the text itself otherwise."""
    assert ready
    if not data.startswith("EVAL:"):
        return {"type": type(data).__name__, "text": data}

    print("evaluating", data)
    names = {**globals(), **locals()}
    return eval(data[5:], names)
