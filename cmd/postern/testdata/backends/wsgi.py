"""Answers each request with what a WSGI application reads in it with the
standard library. It serves until standard input ends; the first line that it
prints is its URL."""

import http.cookies
import json
import os
import sys
import threading
import urllib.parse
import wsgiref.simple_server


def pairs(text, name):
    parsed = urllib.parse.parse_qs(text, keep_blank_values=True)
    listed = dict(urllib.parse.parse_qsl(text, keep_blank_values=True))  # the last
    return [parsed.get(name), listed.get(name)]


def cookies(environ, name):
    try:
        morsel = http.cookies.SimpleCookie(environ.get("HTTP_COOKIE", "")).get(name)
    except http.cookies.CookieError:
        return []
    return [morsel and morsel.value]


def in_body(environ, body):
    found = []
    try:
        document = json.loads(body)
        found.append(document.get("customer_id"))
    except (ValueError, AttributeError, RecursionError):
        pass
    media = environ.get("CONTENT_TYPE", "").split(";")[0].strip().lower()
    if media == "application/x-www-form-urlencoded":
        try:
            found += pairs(body.decode(), "customer_id")
        except ValueError:
            found += pairs(body.decode("latin-1"), "customer_id")
    if media.startswith("multipart/"):
        import email
        message = email.message_from_bytes(b"Content-Type: " + environ["CONTENT_TYPE"].encode("latin-1") + b"\r\n\r\n" + body)
        for part in message.walk():
            if part.get_param("name", header="content-disposition") == "customer_id":
                found.append(part.get_payload())
    return found


def record(environ, start_response):
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    segments = environ["PATH_INFO"].split("/")
    area = segments[1] if len(segments) > 1 else None
    areas = {"path", "query", "header", "cookie", "json", "form", "public", "forward", "admin"}
    query = environ.get("QUERY_STRING", "")
    answer = {
        "method": environ["REQUEST_METHOD"],
        "areas": [area if area in areas else None],
        "checked": environ.get("HTTP_X_CHECKED"),
        "identity": [environ.get("HTTP_X_CUSTOMER_ID")],
        "customers": {
            "path": [segments[2] if len(segments) > 2 else None],
            "query": pairs(query, "customer_id"),
            "header": [environ.get("HTTP_X_CUSTOMER_HINT")],
            "cookie": cookies(environ, "customer_id"),
            "body": in_body(environ, body),
        },
        "credentials": [
            environ.get("HTTP_AUTHORIZATION"), environ.get("HTTP_PROXY_AUTHORIZATION"), environ.get("HTTP_X_API_KEY"),
            *pairs(query, "token"), *cookies(environ, "session"),
        ],
    }
    content = json.dumps(answer).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(content)))])
    return [content]


class Quiet(wsgiref.simple_server.WSGIRequestHandler):
    def log_message(self, *_):
        pass


server = wsgiref.simple_server.make_server("127.0.0.1", 0, record, handler_class=Quiet)
print(f"http://127.0.0.1:{server.server_port}", flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()
os._exit(0)
