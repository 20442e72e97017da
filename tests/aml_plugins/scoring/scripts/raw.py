import hashlib
import json

from azureml.contrib.services.aml_request import rawhttp
from azureml.contrib.services.aml_response import AMLResponse


def init():
    pass


def describe(request):
    return {
        "method": request.method,
        "path": request.path,
        "full_path": request.full_path,
        "query": request.query_string.decode("latin-1"),
        "args": sorted(request.args.items()),
        "lists": {name: request.args.getlist(name) for name in sorted(set(request.args.keys()))},
        "content_type": request.content_type,
        "mimetype": request.mimetype,
        "is_json": request.is_json,
        "length": request.content_length,
        "headers": sorted((k, v) for k, v in dict(request.headers).items() if k not in ("Host", "Accept-Encoding")),
        "agent": request.headers.get("user-agent"),
        "referrer": request.referrer,
        "secure": request.is_secure,
        "root": request.url_root == f"http://{request.host}/",
        "environ": sorted(k for k in request.environ if k.startswith("HTTP_") or k.isupper() and "_" not in k),
        "cookies": dict(request.cookies),
        "form": sorted(request.form.items()),
        "files": [
            [name, file.filename, file.mimetype, hashlib.sha256(file.read()).hexdigest()]
            for name, file in sorted(request.files.items())
        ],
    }


@rawhttp
def run(request):
    action = request.args.get("do", "describe")
    if action == "describe":
        return describe(request)
    if action == "data":
        return [request.get_data(as_text=True), len(request.data)]
    if action == "data-once":
        return [request.get_data(False).decode(), request.get_data().decode(), request.data.decode()]
    if action == "data-first":
        return [len(request.data), request.get_data(as_text=True), sorted(request.form.items())]
    if action == "json":
        return request.get_json(silent=True)
    if action == "force":
        return request.get_json(force=True)
    if action == "strict":
        return request.json
    if action == "stream":
        return request.stream.read().decode()
    if action == "bytes":
        return AMLResponse(request.get_data(), 201, {"Content-Type": "image/png", "X-List": "a, b"})
    if action == "text":
        return AMLResponse("plain", 404)
    if action == "headers":
        response = AMLResponse("x", 200)
        response.headers["Access-Control-Allow-Origin"] = "*"
        response.headers.add("X-Many", "1")
        response.headers.add("X-Many", "2")
        return response
    if action == "none":
        return AMLResponse(None, 202)
    if action == "object":
        return AMLResponse({"a": [1]}, 200, json_str=True)
    if action == "error":
        return AMLResponse(json.dumps({"no": 1}), 503)
    if action == "failed":
        return AMLResponse("x", 200, run_function_failed=True)
    if action == "words":
        return AMLResponse("x", "418 I AM A TEAPOT")
    if action == "empty":
        return AMLResponse("", 204)
    if action == "wrong-body":
        return AMLResponse(42, 200)
    if action == "wrong-header":
        return AMLResponse("x", 200, {"X": 1})
    if action == "type":
        response = AMLResponse("x", 200)
        response.mimetype = request.args["to"]
        response.status = "203 as said"
        response.headers.extend({"X-More": "1"})
        return response
    if action == "shown":
        answer = AMLResponse("æ", 404)
        return [repr(request).replace(request.host, "HOST"), repr(answer), answer.status, repr(AMLResponse("", 599))]
    if action == "missing":
        found = []
        for ask in (lambda: request.files["image"], lambda: request.form["a"], lambda: request.args["b"]):
            try:
                found.append(str(ask()))
            except KeyError as error:
                found.append(str(error))
        return found
    if action == "json-error":
        try:
            return request.get_json()
        except Exception as error:
            return str(error)
    if action == "raise":
        raise ValueError(action)
    return None
