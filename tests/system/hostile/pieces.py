"""Parts of requests that are wrong, or seldom right."""

TARGETS = (
    b"/", b"/verify", b"/settle", b"/status", b"/supported", b"/health", b"/inspect", b"/nothing",
    b"/status/" + b"ab" * 32, b"/status/" + b"zz" * 32, b"/status/", b"//verify", b"/verify/",
    b"/verify?a=b", b"/../../etc/passwd", b"/%2e%2e/%2e%2e/etc/passwd", b"/verify%00",
    b"/%0d%0aX: y", b"/%", b"/%zz", b"/%ff%fe", b"/\xff\xfe", b"/verify;a=b", b"/verify#x", b"*",
    b"verify", b"?", b"http://x/verify", b"http://[::1/", b"http://[", b"//[::1", b"x:443",
    b"https://127.0.0.1:1/", b"/{}", b"/status/{transaction}", b"/" + b"a" * 5_000,
    b"/" + b"a/" * 3_000, b"/status/" + b"%41" * 2_000, b"/docs/none", b"/metrics", b"/.env",
    b"/openapi.yaml", b"/\t", b"",
)  # fmt: skip
METHODS = (
    b"GET", b"POST", b"PUT", b"DELETE", b"PATCH", b"OPTIONS", b"TRACE", b"CONNECT", b"PROPFIND",
    b"get", b"GET/", b"X", b"A" * 300, b"G\x00T", b"G\xc3T", b"", b"PRI", b"WEBSOCKET", b"!#$%&",
)  # fmt: skip
VERSIONS = (
    b"HTTP/1.1", b"HTTP/1.1", b"HTTP/1.1", b"HTTP/1.0", b"HTTP/0.9", b"HTTP/2.0", b"HTTP/9.9",
    b"", b"HTTP/1", b"HTTP/1.1.1", b"http/1.1", b"HTTP/\xff", b"ICY", b"HTTP/1.1 x",
    b"HTTP/99999999999.1",
)  # fmt: skip
HEADERS = (
    b"Host: \xff", b"Host:", b"Host: a\r\nHost: b", b"Host: " + b"a" * 3_000, b": nameless",
    b"no colon", b"X : spaced", b" folded", b"X:\r\n folded", b"X_Under: score",
    b"Content_Length: 5", b"X\x00: y", b"X: \x00", b"X: a\rb", b"X: a\nY: b", b"X: \x7f\x80\xff",
    b"X: " + b"a" * 20_000, b"X: " + b"a" * 40_000, b"X: y\r\n" * 900 + b"X: y",
    b"A" * 9_000 + b": y", b"Content-Type: text/plain", b"Content-Type:",
    b"Content-Type: application/json; charset=utf-7", b"Content-Type: application/xml",
    b"Content-Type: " + b"a/" * 4_000, b"Content-Type: multipart/form-data; boundary=x",
    b"Content-Type: application/x-www-form-urlencoded", b"Content-Encoding: gzip",
    b"Accept: \xff", b"Accept: application/xml", b"Accept: " + b"*/*;q=0.1," * 900,
    b"Expect: 200-ok", b"Expect: " + b"1" * 999,
    b"Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABk",
    b"Upgrade: websocket\r\nConnection: upgrade", b"Connection: keep-alive, close, x",
    b"Connection: \xff", b"Prefer: wait=1e999", b"Prefer: wait=" + b"9" * 5_000,
    b"Prefer: wait=-1", b"Prefer: ;,=", b"Prefer: \xff", b'Prefer: wait="0', b"Idempotency-Key:",
    b"Idempotency-Key: " + b"k" * 300, b"Idempotency-Key: \xff",
    b"Idempotency-Key: a\r\nIdempotency-Key: b", b"X-Request-ID: " + b"r" * 400,
    b"X-Request-ID: a b", b"X-Request-ID: \xff{}", b"X-API-Key: wrong",
    b"Authorization: Bearer wrong", b"Authorization: Bearer", b"Authorization: Basic eDp5",
    b"Authorization: Bearer \xff\x00", b"Authorization: " + b"B" * 9_000, b"Range: bytes=0-1,5-9",
    b"If-None-Match: *", b"If-Modified-Since: never", b"Cookie: " + b"a=b;" * 2_000,
    b"Origin: null", b"Access-Control-Request-Method: POST", b"Trailer: X", b"TE: trailers",
    b"Date: x", b"X-HTTP-Method-Override: DELETE", b"X-Original-URL: /settle",
    b"X-Rewrite-URL: /settle", b"Forwarded: for=1", b"X-Forwarded-Proto: \xff",
    b"X-Forwarded-Host: evil.example", b"Proxy: http://evil.example",
)  # fmt: skip
FORWARDED = (
    "", ",", ", ,", "unknown", "_hidden", "1.2.3.4", "1.2.3.4, 5.6.7.8", "1.2.3.4:80",
    "[2001:db8::1]:80", "2001:db8::1", "2001:db8::1%eth0", "::ffff:1.2.3.4", "999.1.1.1",
    "127.0.0.1", "1.2.3.4, 127.0.0.1", "localhost", "a" * 3_000, "1.2.3.4," * 900, "\xff", "'",
    "0", "-1", "1.2.3.4\t",
)  # fmt: skip
FRAMING = (
    b"Content-Length: -1", b"Content-Length: +5", b"Content-Length: 0x5", b"Content-Length: 5 5",
    b"Content-Length: 5, 5", b"Content-Length: 5\r\nContent-Length: 5",
    b"Content-Length: 5\r\nContent-Length: 6", b"Content-Length: " + b"9" * 30,
    b"Content-Length: " + b"9" * 5_000, b"Content-Length: 99999999", b"Content-Length:",
    b"Content-Length: \xb2", b"Content-Length: 5\x00", b"Content-Length: 1_0",
    b"Content-Length: 5.0", b"Content-Length : 5",
    b"Content-Length: 0\r\nTransfer-Encoding: chunked", b"Content-Length: 5",
    b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked\r\nContent-Length: 5",
    b"Transfer-Encoding: chunked, chunked", b"Transfer-Encoding: identity",
    b"Transfer-Encoding: gzip, chunked", b"Transfer-Encoding: chunked, identity",
    b"Transfer-Encoding:", b"Transfer-Encoding: \x0bchunked", b"Transfer-Encoding: xchunked",
    b"Transfer-Encoding: CHUNKED", b"Transfer-Encoding:\r\n chunked",
    b"Transfer-Encoding : chunked", b"Transfer_Encoding: chunked",
    b"Transfer-Encoding: chunked\r\nTransfer-Encoding: x",
    b"X: y\r\n\tTransfer-Encoding: chunked", b"Content-Length: 99\r\nExpect: 100-continue",
)  # fmt: skip
CHUNKS = (
    b"0\r\n\r\n", b"5\r\n{\"a\":\r\n2\r\n1}\r\n0\r\n\r\n", b"zz\r\n", b"-1\r\n",
    b"5;ext=1\r\nhello\r\n0\r\n\r\n", b"5;" + b"e" * 3_000 + b"\r\nhello\r\n0\r\n\r\n",
    b"5;a=\x00\r\nhello\r\n0\r\n\r\n", b"fffffffffffffffff\r\n", b"5\nhello\n0\n\n",
    b"5\r\nhelloXX0\r\n\r\n", b"0\r\nTrailer: x\r\n\r\n", b"0\r\nContent-Length: 9\r\n\r\n",
    b"00000000000000000005\r\nhello\r\n0\r\n\r\n", b"+5\r\nhello\r\n0\r\n\r\n",
    b"0x5\r\nhello\r\n0\r\n\r\n", b"\r\n\r\n0\r\n\r\n", b"1\r\n{\r\n" * 400 + b"0\r\n\r\n",
    b"3\r\nhello\r\n0\r\n\r\n", b"a" * 2_000, b"hello", b"0\r\n" + b"T: x\r\n" * 3_000 + b"\r\n",
    b"5\r\nhello", b"",
)  # fmt: skip
OPENINGS = (
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)) + b"\r\n\r\n",
    b"\x80\x2e\x01\x03\x01\x00\x15\x00", b"\x05\x01\x00", b"SSH-2.0-x\r\n\r\n", b"EHLO x\r\n\r\n",
    b"*1\r\n$4\r\nPING\r\n\r\n", b"\x00" * 300 + b"\r\n\r\n", b"\r\n" * 3_000,
    b"\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", b" \t\x0b\x0c\r\n\r\n",
    b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\nGET / HTTP/1.1\r\n\r\n", b"GET /\r\n", b"GET /\r\n\r\n",
    b"\r", b"\n\n", b"GET / HTTP/1.1\n\n", b"GET / HTTP/1.1\r\n" + b"x" * 50_000,
    b"GET " + b"/" * 50_000, b"A" * 50_000,
)  # fmt: skip
