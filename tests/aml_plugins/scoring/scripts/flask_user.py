import flask
from flask import jsonify, make_response, request


def init():
    pass


def run(data):
    if data == "jsonify":
        return jsonify(a=1, method=request.method)
    if data == "make":
        response = make_response("made", 202)
        response.set_cookie("k", "v")
        return response
    if data == "redirect":
        return flask.redirect("/elsewhere")
    if data == "stream":
        return flask.Response((part for part in ["a", "b", "c"]), mimetype="text/plain")
    if data == "route":
        return [request.endpoint, request.blueprint, request.url_rule.rule]
    return {"args": sorted(request.args.items()), "data": data}
