"""What is asked of both servers: tables of requests, expressions and headers."""

from __future__ import annotations

import json

from servers import HERE

SCRIPTS = HERE / "scripts"
# Of the connection, and so of the server below the application.
CONNECTION = {"connection", "date", "server", "keep-alive", "transfer-encoding"}
LONG, JUST = "x" * 101, "x" * 100
JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
PARTS = (
    b'--b\r\nContent-Disposition: form-data; name="word"\r\n\r\nhej\r\n'
    b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n'
    b"Content-Type: image/png\r\n\r\n\x89PNG\r\n"
    b"--b--\r\n"
)
MULTIPART = {"Content-Type": "multipart/form-data; boundary=b"}

# Method, path, body, headers.
UNDECORATED = [
    ("POST", "/score", '{"data": [1, 2]}', JSON),
    ("POST", "/score", '{"data": [1, 2]}', {}),
    ("POST", "/score", "", {}),
    ("POST", "/score", None, {}),
    ("POST", "/score", "not json", JSON),
    ("POST", "/score", "æøå ☃".encode(), {"Content-Type": "text/plain"}),
    ("POST", "/score", b"\xff\xfe", {}),
    ("POST", "/score", "\ufeff{}".encode(), JSON),
    ("POST", "/score", b"a\x00b", {}),
    ("POST", "/score", "a=1&b=2", FORM),
    ("POST", "/score", "a=1&b=2", {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}),
    ("POST", "/score", "a=" + "1" * 500_001, FORM),
    ("POST", "/score", PARTS, MULTIPART),
    ("POST", "/score", PARTS, {"Content-Type": "multipart/form-data"}),
    ("POST", "/score", "x" * 3_000_000, {}),
    ("POST", "/score?x=1", "body", {}),
    ("POST", "/score", "[" * 20_000 + "]" * 20_000, JSON),
    ("GET", "/score", None, {}),
    ("GET", "/score?", None, {}),
    ("GET", "/score?x=1&y=a&z=null&l=[1,2]&o=%7B%22k%22%3A1.5%7D", None, {}),
    ("GET", "/score?x=1&x=b&x=2.0&=e&novalue", None, {}),
    ("GET", "/score?x=%ff%C3%A6&y=+a%20b", None, {}),
    ("GET", "/score?x=NaN&big=123456789012345678901234567890&neg=-0", None, {}),
    ("GET", "/score?a;b=1&c", None, {}),
    ("GET", "/score", "a body", {}),
    ("HEAD", "/score", None, {}),
    ("HEAD", "/", None, {}),
    ("HEAD", "/swagger.json", None, {}),
    ("HEAD", "/nowhere", None, {}),
    ("OPTIONS", "/score", None, {}),
    ("OPTIONS", "/score", "body", {}),
    ("OPTIONS", "/", None, {}),
    ("OPTIONS", "/nowhere", None, {}),
    ("PUT", "/score", "x", {}),
    ("DELETE", "/score", None, {}),
    ("PATCH", "/score", "x", {}),
    ("POST", "/", "x", {}),
    ("POST", "/swagger.json", "x", {}),
    ("GET", "/", None, {}),
    ("GET", "/?x=1", None, {}),
    ("GET", "/score/", None, {}),
    ("POST", "/score/", "x", {}),
    ("GET", "/Score", None, {}),
    ("POST", "/sc%6Fre", "x", {}),
    ("GET", "/nowhere", None, {"x-request-id": "given"}),
    ("GET", "/nowhere", None, {"x-request-id": LONG}),
    ("GET", "/swagger.json?version=1", None, {}),
    ("GET", "/swagger.json?version=", None, {}),
    ("GET", "/swagger.json?version=2&version=9", None, {}),
]
IDS = [
    {"x-request-id": "r"},
    {"x-request-id": ""},
    {"x-request-id": JUST},
    {"x-request-id": LONG},
    {"x-ms-request-id": "m"},
    {"x-ms-request-id": LONG},
    {"x-ms-request-id": JUST},
    {"x-ms-client-request-id": "c"},
    {"x-ms-client-request-id": LONG},
    {"x-request-id": "r", "x-ms-request-id": "m", "x-ms-client-request-id": "c"},
    {"x-request-id": "r", "x-ms-client-request-id": "c"},
    {"x-request-id": "r", "x-ms-request-id": "m"},
    {"x-request-id": LONG, "x-ms-request-id": "m"},
    {"TraceId": "trace"},
    {"X-Request-ID": "Case", "TRACEID": "t"},
]
EXPRESSIONS = [
    "None", "1", "1.5", "True", "'text'", "'æ☃'", "''", "[]", "{}", "(1, 2)", "[1, [2, {'a': None}]]",
    "{1: 2, 2.5: 3, None: 4, True: 5}", "{(1, 2): 3}", "{1, 2}", "frozenset()", "b'x'", "bytearray(b'x')",
    "float('nan')", "[float('inf'), -float('inf')]", "10**30", "-0.0", "1e400", "complex(1, 2)", "range(3)",
    "(n for n in [1, 2])", "iter([1])", "Odd()", "Odd", "echo", "lambda: 1", "datetime.datetime(2020, 1, 1)",
    "datetime.date(2020, 1, 1)", "datetime.timedelta(1)", "decimal.Decimal('1.5')", "math.pi",
    "np.float64(1.5)", "np.float32(1.5)", "np.int64(3)", "np.bool_(True)", "np.str_('x')", "np.array([1, 2])",
    "np.array([1.5]).tolist()", "np.array(3)", "[np.float64(0.1), np.float64('nan')]", "np.datetime64('2020')",
    "pd.DataFrame({'a': [1]})", "pd.Series([1, 2])", "pd.DataFrame({'a': [1]}).to_dict()", "pd.NaT", "pd.NA",
    "pd.DataFrame({'a': [1.5]}).to_json()", "pd.Timestamp('2020-01-01')",
    "'\\ud800'", "'\\x00\\x7f'", "[x := [], x.append(x)][0]",
    "__import__('functools').reduce(lambda a, _: [a], range(100000), [])",
    "1/0", "undefined", "int('x')", "[].pop()", "(_ for _ in ()).throw(Exception('x'))", "exec('raise KeyError(1)')",
    "(_ for _ in ()).throw(TimeoutError('x'))", "(_ for _ in ()).throw(StopIteration)",
    "AMLResponse('made', 201)", "AMLResponse('made', 500)", "AMLResponse(None, 200)",
    "AMLResponse({'a': 1}, 200, json_str=True)", "AMLResponse('x', 200, {'Content-Type': 'text/css', 'A': '1,2'})",
    "AMLResponse(b'\\xff', 200)", "AMLResponse(['a', 'b'], 200)", "AMLResponse(iter(['a', 'b']), 200)",
    "{'nested': AMLResponse('x', 200)}", "[AMLResponse('x', 200)]", "(AMLResponse('x', 200), 201)",
    "AMLResponse('æ', 200, {'X-Request-Id': 'mine'})", "AMLResponse(set(), 200, json_str=True)",
    "__import__('os').getcwd()", "[__import__('os').environ[n] for n in ('WORKER_COUNT', 'AML_APP_INSIGHTS_ENABLED')]",
    "print('several', 'words', sep='/') or 'printed'", "print('to stderr', file=__import__('sys').stderr)",
    "print('two\\nlines')", "__import__('logging').getLogger('mine').warning('logged') or 1",
    "__import__('sys').stdout.write('written\\n')", "(ValueError('returned'))", "type", "NotImplemented", "...",
]  # fmt: skip
RAW = [
    ("GET", "/score", None, {}),
    ("GET", "/score?a=1&a=2&b=%C3%A6&c", None, {"Cookie": "k=v; l=w", "User-Agent": "me", "Referer": "http://a"}),
    ("POST", "/score", "body", {"Content-Type": "text/plain; charset=utf-8"}),
    ("POST", "/score", '{"a": 1}', JSON),
    ("POST", "/score", "a=1&b=2&a=3", FORM),
    ("POST", "/score", PARTS, MULTIPART),
    ("POST", "/score", PARTS[:60], MULTIPART),
    ("POST", "/score", b"\xff\x00", {"Content-Type": "application/octet-stream"}),
    ("OPTIONS", "/score", None, {}),
    ("HEAD", "/score", None, {}),
    ("PUT", "/score", "x", {}),
    *(
        ("POST", f"/score?do={what}", '{"a": [1]}', JSON)
        for what in ("data", "data-once", "json", "force", "strict", "stream")
    ),
    *(("POST", f"/score?do={what}", "not json", JSON) for what in ("json", "force", "strict")),
    *(("POST", f"/score?do={what}", "a=1&b=2", FORM) for what in ("data", "data-first", "json", "strict", "stream")),
    *(
        ("POST", f"/score?do={what}", b"\x89PNG", {"Content-Type": "image/png"})
        for what in ("bytes", "text", "headers", "none", "object", "error", "failed", "words", "empty", "raise")
    ),
    ("HEAD", "/score?do=text", None, {}),
    ("POST", "/score?do=wrong-header", "", {}),
    ("POST", "/score?do=nothing", "", {}),
    *(("POST", f"/score?do=type&to={kind}", "", {}) for kind in ("image/png", "text/css", "application/json")),
    *(("POST", f"/score?do={what}", "{", JSON) for what in ("shown", "missing", "json-error")),
    ("POST", "/score?do=json-error", "{}", {}),
    ("POST", "/score", "x", {"X_Under_Score": "dropped", "X-Twice": "1"}),
]
GOOD = {
    "array": [[1, 2], [3, 4]],
    "frame": [{"a": 1, "b": "x", "t": "2020-01-01T00:00:00"}],
    "nested": {"list": [1], "array": [[1, 2]], "word": "w"},
    "day": "2020-02-03",
}
QUERY = (
    "array=[[1,2]]&frame=[{%22a%22:1,%22b%22:%22x%22,%22t%22:%222020-01-01%22}]"
    "&nested={%22list%22:[1],%22array%22:[[1,2]],%22word%22:%22w%22}&day=2020-02-03&count=9"
)
ROW = {"a": 0.1, "b": -3, "c": "æ", "d": False}
ROWS = (
    [ROW], [ROW], [ROW, {**ROW, "a": 7}], [{**ROW, "a": 2.5e-9}], [{**ROW, "c": None}], [{**ROW, "b": 1.5}],
    [{**ROW, "d": 1}], [{**ROW, "b": 2**63}], [{**ROW, "a": 5.1234567890123456}], [{"a": 1.0}],
    [dict(reversed(ROW.items()))], [ROW, []], [],
)  # fmt: skip
DECORATED = [
    ("POST", "/score", json.dumps(GOOD), JSON),
    ("POST", "/score", json.dumps({**GOOD, "count": 5, "plain": [1], "unknown": 2}), JSON),
    ("POST", "/score", json.dumps(GOOD), {"Content-Type": "application/json; charset=utf-8"}),
    ("POST", "/score", json.dumps(GOOD), {"Content-Type": "Application/Vnd.X+JSON"}),
    ("POST", "/score", json.dumps(GOOD), {"Content-Type": "text/json"}),
    ("POST", "/score", json.dumps(GOOD), {}),
    ("POST", "/score", "a=1", FORM),
    ("POST", "/score", "", JSON),
    ("POST", "/score", "[1]", JSON),
    ("POST", "/score", "null", JSON),
    ("POST", "/score", "{", JSON),
    ("POST", "/score", "{'a': 1}", JSON),
    ("POST", "/score", b"\xff\xff", JSON),
    ("POST", "/score", json.dumps(GOOD).encode("utf-16"), JSON),
    ("POST", "/score", '{"a":' * 50_000 + "1" + "}" * 50_000, JSON),
    ("POST", "/score", '{"array": ' + "1" * 5000 + "}", JSON),
    *(("POST", "/score", json.dumps({k: v for k, v in GOOD.items() if k != name}), JSON) for name in GOOD),
    ("POST", "/score", json.dumps({**GOOD, "array": [[1, 2, 3]]}), JSON),
    ("POST", "/score", json.dumps({**GOOD, "array": "x"}), JSON),
    ("POST", "/score", json.dumps({**GOOD, "frame": {"a": 1}}), JSON),
    ("POST", "/score", json.dumps({**GOOD, "frame": 3}), JSON),
    ("POST", "/score", json.dumps({**GOOD, "nested": {"list": "x"}}), JSON),
    ("POST", "/score", json.dumps({**GOOD, "day": "yesterday"}), JSON),
    ("POST", "/score", json.dumps({**GOOD, "count": "many"}), JSON),
    *(("POST", "/score", json.dumps({**GOOD, "rows": rows}), JSON) for rows in ROWS),
    ("GET", "/score", None, {}),
    ("GET", f"/score?{QUERY}", None, {}),
    ("HEAD", "/score", None, {}),
    ("OPTIONS", "/score", None, {}),
]  # fmt: skip
ONE = [
    ("POST", "/score", '{"data": [[1, 2], [3, 4]]}', {**JSON, "X-One": "1", "x-lower": "æ", "X_Under": "no"}),
    ("GET", "/score?data=[[1,2]]", None, {"X-One": "1"}),
    ("POST", "/score", '{"request_headers": 1}', JSON),
]
FLASK = [
    *(("POST", "/score?q=1", word, {}) for word in ("jsonify", "make", "redirect", "stream", "route", "other")),
    ("GET", "/score?a=1", None, {}),
]
ORIGINS = [{}, {"Origin": "https://a.example"}, {"Origin": "HTTPS://A.EXAMPLE"}, {"Origin": "https://c.example"}]
PREFLIGHT = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-b, Authorization"}
