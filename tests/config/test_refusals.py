# -*- test-case-name: tests.config.test_refusals -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.config.judge` and :mod:`mcpd.config.checks`: what is refused, in which words.
"""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from mcpd.config.problem import ConfigurationError
from mcpd.config.structure import keys
from mcpd.relay.spec import SessionLimits
from mcpd.web.spec import Limits, Listen, Tls
from mcpd.workers.spec import Plugin
from tests.config.configured import load

WORDS = {
    "WAIT": 'a duration from "0s" to "8760h", as "0s", "500ms" or "30s"',
    "DURATION": 'a duration from "1ms" to "8760h", as "250ms", "30s", "5m" or "24h"',
    "SIZE": 'a size from "1" to "1024G", as "512", "64K", "256M" or "1G"',
    "COUNT": "a whole number from 1 to 1000000000",
    "NUMBER": "a whole number up to 1000000000, or 0 for any",
    "ROOM": 'a size up to "1024G", as "64K", "256M" or "1G", or "0" for any',
    "TRIES": 'so many times in so long, up to 999999 in "8760h", as "5/5m"',
    "RATE": 'so many a second and so many at once, up to 999999, as "100/s, 200", or "off" for any',
    "ENDPOINT": (
        'must be as "tcp:8420:interface=127.0.0.1", "tcp6:8420:interface=\\\\:\\\\:1" (ports up to 65535), '
        '"unix:/run/mcpd/mcp.sock" or "systemd:domain=INET:name=mcp", or one of them after "haproxy:"'
    ),
    "PROXY": 'must be an address as "192.0.2.1", a network as "192.0.2.0/24", or "unix"',
    "REFERENCE": 'a secret is written "file:/path", "cred:NAME" or "env:NAME", and never itself',
    "ARGUMENTS": "it takes a path and nothing else: mode, group and limits.backlog are keys",
    "HOST": 'must be as "tools.example.org", "tools.example.org:8443" or "*.example.org"',
    "ORIGIN": 'must be as "https://app.example.org" or "https://app.example.org:8443", without a path',
    "URL": 'must be as "https://tools.example.org", without query and fragment',
    "NAME": "one has 1 to 32 lower-case letters, digits and -, and does not start with -",
    "VARIABLE": "a variable's name has letters, digits and _ and starts with no digit",
    "TLS": "say tls, use loopback behind a proxy, or say plain_is_fine = true",
    "LOCAL": "without credentials only 127.0.0.0/8, ::1 and UNIX sockets may be listened to",
    "KEYS OF TLS": f"known are {', '.join(keys(Tls))}",
    "KEYS OF LISTEN": f"known are {', '.join(keys(Listen))}",
    "KEYS OF LIMITS": f"known are {', '.join(keys(Limits))}",
    "KEYS OF DAEMON": "known are state_dir, runtime_dir, plugin_dir, public_url, log, drain, starts",
    "KEYS OF ALL": "known are daemon, listen, limits, rate, sessions, websocket, catalog, defaults, plugins",
    "KEYS OF SESSIONS": f"known are {', '.join(keys(SessionLimits))}",
    "KEYS OF CATALOG": "known are name_limit, page, instructions, links, ttl",
    "KEYS OF PLUGIN": f"known are {', '.join(keys(Plugin, ('name',)))}",
    "KEYS OF DEFAULTS": f"known are {', '.join(keys(Plugin, ('name', 'command')))}",
    "TIMEOUTS": "known are start, first_start, call, max, stop, idle, tools",
    "TOML": "see https://toml.io/en/v1.0.0",
}
"""What many lines say, by the names that stand for it in the table."""

TABLE = r"""
# unknown section
[deamon]
=> 1: deamon: unknown key; {KEYS OF ALL}; did you mean daemon?

# unknown key at top level
drain = "3s"
=> 1: drain: unknown key; {KEYS OF ALL}

# section that is no table
limits = 4
=> 1: limits: is a number; must be a table

# unknown daemon key
[daemon]
drian = "3s"
=> 2: daemon.drian: unknown key; {KEYS OF DAEMON}; did you mean drain?

# unknown key without resemblance
[daemon]
zzz = 1
=> 2: daemon.zzz: unknown key; {KEYS OF DAEMON}

# key of a later release
[daemon]
seal_keys = []
=> 2: daemon.seal_keys: unknown key; {KEYS OF DAEMON}

# runtime folder with a NUL
[daemon]
runtime_dir = "/a\u0000"
=> 2: daemon.runtime_dir: has a NUL letter; must be without

# runtime folder without room for a socket
[daemon]
runtime_dir = "/{80 LETTERS}/éééééééé"
=> 2: daemon.runtime_dir: has 98 bytes as a whole path; a socket's folder may have 96

# duration without a unit
[daemon]
drain = 30
=> 2: daemon.drain: is a number; must be {DURATION}; did you mean "30s"?

# duration with a blank
[daemon]
drain = "30 s"
=> 2: daemon.drain: "30 s" cannot be read; must be {DURATION}

# duration with a fraction
[daemon]
drain = 0.5
=> 2: daemon.drain: is a number with a point; must be {DURATION}

# no duration at all
[daemon]
drain = "0s"
=> 2: daemon.drain: "0s" is too small; must be {DURATION}

# negative duration
[daemon]
drain = -3
=> 2: daemon.drain: is a number; must be {DURATION}

# duration of centuries
[daemon]
drain = "99999999h"
=> 2: daemon.drain: "99999999h" is too large; must be {DURATION}

# count as a string
[daemon]
starts = "4"
=> 2: daemon.starts: is a string; must be {COUNT}; did you mean 4?

# count of zero
[daemon]
starts = 0
=> 2: daemon.starts: is too small; must be {COUNT}

# negative count
[daemon]
starts = -1
=> 2: daemon.starts: is too small; must be {COUNT}

# count that is true
[daemon]
starts = true
=> 2: daemon.starts: is a boolean; must be {COUNT}

# count with a point
[daemon]
starts = 4.0
=> 2: daemon.starts: is a number with a point; must be {COUNT}

# count beyond sense
[daemon]
starts = 1000000001
=> 2: daemon.starts: is too large; must be {COUNT}

# string that is a number
[daemon]
state_dir = 7
=> 2: daemon.state_dir: is a number; must be a string

# string that is a date
[daemon]
state_dir = 2026-07-28
=> 2: daemon.state_dir: is a date; must be a string

# empty state folder
[daemon]
state_dir = ""
=> 2: daemon.state_dir: is empty; must be a folder

# state folder with a NUL
[daemon]
state_dir = "/a\u0000"
=> 2: daemon.state_dir: has a NUL letter; must be without

# log that is a string
[daemon]
log = "json"
=> 2: daemon.log: is a string; must be a table

# log format misspelt
[daemon]
log = { format = "jsn" }
=> 2: daemon.log.format: is "jsn"; must be "auto" or "json" or "text"; did you mean "json"?

# log level unlike any
[daemon]
log = { level = "xyz" }
=> 2: daemon.log.level: is "xyz"; must be "debug" or "info" or "warn" or "error" or "critical"

# log file that is empty
[daemon.log]
file = ""
=> 2: daemon.log.file: is empty; must be a file, or "-" for standard output

# unknown log key
[daemon.log]
levle = "info"
=> 2: daemon.log.levle: unknown key; known are format, level, file; did you mean level?

# public URL without a scheme
[daemon]
public_url = "tools.example.org"
=> 2: daemon.public_url: "tools.example.org" is refused: neither http:// nor https://; {URL}

# public URL with a query
[daemon]
public_url = "https://tools.example.org/?a"
=> 2: daemon.public_url: "https://tools.example.org/?a" is refused:
   a query, a fragment, or a letter that no URL has; {URL}

# public URL with a fragment
[daemon]
public_url = "https://tools.example.org#a"
=> 2: daemon.public_url: "https://tools.example.org#a" is refused:
   a query, a fragment, or a letter that no URL has; {URL}

# public URL with a user
[daemon]
public_url = "https://me@tools.example.org"
=> 2: daemon.public_url: "https://me@tools.example.org" is refused:
   not a host name: a letter that it cannot have; {URL}

# public URL of another scheme
[daemon]
public_url = "ftp://tools.example.org"
=> 2: daemon.public_url: "ftp://tools.example.org" is refused: neither http:// nor https://; {URL}

# size as a number
[limits]
body = 4096
=> 2: limits.body: is a number; must be {SIZE}; did you mean "4K"?

# size in another unit
[limits]
body = "4MB"
=> 2: limits.body: "4MB" cannot be read; must be {SIZE}

# no size at all
[limits]
body = "0"
=> 2: limits.body: "0" is too small; must be {SIZE}

# size beyond sense
[limits]
massage = "1M"
body = "1025G"
=> 2: limits.massage: unknown key; {KEYS OF LIMITS}; did you mean message?
=> 3: limits.body: "1025G" is too large; must be {SIZE}

# limits of WebSockets that are none
[limits]
message = 4096
fragments = 0
message_timeout = "0s"
controls = 0
tickets = "1K"
=> 2: limits.message: is a number; must be {SIZE}; did you mean "4K"?
=> 3: limits.fragments: is too small; must be {COUNT}
=> 4: limits.message_timeout: "0s" is too small; must be {DURATION}
=> 5: limits.controls: is too small; must be {COUNT}
=> 6: limits.tickets: is a string; must be {COUNT}

# rate without a burst
[rate]
messages = "100/s"
=> 2: rate.messages: "100/s" cannot be read; must be {RATE}

# rate of nothing
[rate]
messages = "0/s, 200"
=> 2: rate.messages: "0/s, 200" cannot be read; must be {RATE}

# rate as a number
[rate]
messages = 100
=> 2: rate.messages: is a number; must be {RATE}

# rate that is false
[rate]
messages = false
=> 2: rate.messages: is a boolean; must be {RATE}

# unknown rate
[rate]
message = "off"
=> 2: rate.message: unknown key; known are messages; did you mean messages?

# WebSockets that are never pinged
[websocket]
ping = "never"
pong = 20
compression = "on"
=> 2: websocket.ping: "never" cannot be read; must be {DURATION}
=> 3: websocket.pong: is a number; must be {DURATION}; did you mean "20s"?
=> 4: websocket.compression: is a string; must be true or false

# unknown key of WebSockets
[websocket]
deflate = true
=> 2: websocket.deflate: unknown key; known are ping, pong, compression

# body that is never accepted
[limits]
body = "1G"
=> 2: limits.body: is 1G; must be at most buffered, which is 256M

# first line that is never accepted
[limits]
request_line = "64K"
=> 2: limits.request_line: is 64K; must be at most head, which is 32K

# replay that is never kept whole
[sessions]
replay_bytes = "1G"
=> 2: sessions.replay_bytes: is 1G; must be at most replay_total, which is 64M

# dotted key
limits.inflight = 0
=> 1: limits.inflight: is too small; must be {COUNT}

# session that never ends
[sessions]
idle = "never"
=> 2: sessions.idle: "never" cannot be read; must be {DURATION}

# unknown session key
[sessions]
pol = "500ms"
=> 2: sessions.pol: unknown key; {KEYS OF SESSIONS}; did you mean poll?

# wait without a unit
[sessions]
poll = 30
=> 2: sessions.poll: is a number; must be {WAIT}; did you mean "30s"?

# no wait without a unit
[sessions]
poll = 0
=> 2: sessions.poll: is a number; must be {WAIT}; did you mean "0s"?

# negative wait
[sessions]
poll = -1
=> 2: sessions.poll: is a number; must be {WAIT}

# wait that is false
[sessions]
poll = false
=> 2: sessions.poll: is a boolean; must be {WAIT}

# wait in words
[sessions]
poll = "never"
=> 2: sessions.poll: "never" cannot be read; must be {WAIT}

# wait of centuries
[catalog]
ttl = "8761h"
=> 2: catalog.ttl: "8761h" is too large; must be {WAIT}

# replay of nothing
[sessions]
replay_events = 0
replay_bytes = 0
replay_streams = "64"
=> 2: sessions.replay_events: is too small; must be {COUNT}
=> 3: sessions.replay_bytes: is a number; must be {SIZE}
=> 4: sessions.replay_streams: is a string; must be {COUNT}; did you mean 64?

# streams of none
[limits]
streams_per_principal = 0
uri = "2K"
=> 2: limits.streams_per_principal: is too small; must be {COUNT}
=> 3: limits.uri: is a string; must be {COUNT}

# catalog that is no table
catalog = "all"
=> 1: catalog: is a string; must be a table

# unknown catalog key
[catalog]
namelimit = 64
=> 2: catalog.namelimit: unknown key; {KEYS OF CATALOG}; did you mean name_limit?

# names without room for their tail
[catalog]
name_limit = 15
=> 2: catalog.name_limit: is 15; must be from 16 to 128

# names longer than the protocol's
[catalog]
name_limit = 129
=> 2: catalog.name_limit: is 129; must be from 16 to 128

# pages of nothing
[catalog]
page = 0
links = 0
instructions = "0"
=> 2: catalog.page: is too small; must be {COUNT}
=> 3: catalog.links: is too small; must be {COUNT}
=> 4: catalog.instructions: "0" is too small; must be {SIZE}

# listeners of none
listen = []
=> 1: listen: is no listener; must be [[listen]] tables, or left out

# listener in a single table
[listen]
endpoint = "tcp:8420:interface=127.0.0.1"
=> 1: listen: is no listener; must be [[listen]] tables, or left out

# listener that is no table
listen = [3]
=> 1: listen[0]: is a number; must be a table

# listener without an endpoint
[[listen]]
auth = "required"
=> 1: listen[0].endpoint: is missing; it has no default

# endpoint of another type
[[listen]]
endpoint = "stdio:"
=> 2: listen[0].endpoint: "stdio:" is refused: not of the type tcp, tcp6, unix or systemd; {ENDPOINT}

# endpoint with TLS of its own
[[listen]]
endpoint = "ssl:8443:privateKey=key.pem:certKey=cert.pem"
=> 2: listen[0].endpoint: "ssl:8443:privateKey=key.pem:certKey=cert.pem" is refused:
   a certificate is said by the key tls, and the type is tcp; {ENDPOINT}

# UNIX socket with a mode in its endpoint
[[listen]]
endpoint = "unix:/run/mcp.sock:mode=666"
=> 2: listen[0].endpoint: "unix:/run/mcp.sock:mode=666" is refused: {ARGUMENTS}; {ENDPOINT}

# UNIX socket without a lock
[[listen]]
endpoint = "haproxy:unix:/run/mcp.sock:lockfile=0"
=> 2: listen[0].endpoint: "haproxy:unix:/run/mcp.sock:lockfile=0" is refused: {ARGUMENTS}; {ENDPOINT}

# UNIX socket with a path that is too long
[[listen]]
endpoint = "unix:/{80 LETTERS}/éééééééééééééé"
=> 2: listen[0].endpoint: "unix:/{54 LETTERS}..." is refused:
   a socket's path may have 107 bytes, and this has 110; {ENDPOINT}

# UNIX socket without a path
[[listen]]
endpoint = "unix:"
=> 2: listen[0].endpoint: "unix:" is refused: not a socket's path; {ENDPOINT}

# socket of systemd's without a name
[[listen]]
endpoint = "systemd:domain=INET"
=> 2: listen[0].endpoint: "systemd:domain=INET" is refused:
   it takes a domain, and either a name or an index; {ENDPOINT}

# socket of systemd's of another domain
[[listen]]
endpoint = "systemd:domain=inet:name=mcp"
=> 2: listen[0].endpoint: "systemd:domain=inet:name=mcp" is refused:
   the domain is none of INET, INET6 and UNIX; {ENDPOINT}

# endpoint with a word for a port
[[listen]]
endpoint = "tcp:http"
=> 2: listen[0].endpoint: "tcp:http" is refused: not an endpoint that Twisted can read; {ENDPOINT}

# endpoint without a port
[[listen]]
endpoint = "tcp"
=> 2: listen[0].endpoint: "tcp" is refused: not an endpoint that Twisted can read; {ENDPOINT}

# endpoint with an unknown argument
[[listen]]
endpoint = "tcp:8420:interfce=127.0.0.1"
=> 2: listen[0].endpoint: "tcp:8420:interfce=127.0.0.1" is refused:
   not an endpoint that Twisted can read; {ENDPOINT}

# endpoint that ends in the middle
[[listen]]
endpoint = "tcp:8420\\"
=> 2: listen[0].endpoint: "tcp:8420\\" is refused: not an endpoint that Twisted can read; {ENDPOINT}

# port out of range
[[listen]]
endpoint = "tcp:65536:interface=127.0.0.1"
=> 2: listen[0].endpoint: "tcp:65536:interface=127.0.0.1" is refused:
   a port is a number from 0 to 65535; {ENDPOINT}

# interface by name
[[listen]]
endpoint = "tcp:8420:interface=localhost"
=> 2: listen[0].endpoint: "tcp:8420:interface=localhost" is refused:
   the interface is not an IP address; {ENDPOINT}

# clear text for everybody
[[listen]]
endpoint = "tcp:8420"
=> 1: listen[0].tls: is left out, and clear text would be served on 0.0.0.0; {TLS}

# clear text for everybody over IPv6
[[listen]]
endpoint = "tcp6:8420"
=> 1: listen[0].tls: is left out, and clear text would be served on ::; {TLS}

# no credentials beyond loopback
[[listen]]
endpoint = "tcp:8420:interface=192.0.2.1"
auth = "none"
plain_is_fine = true
=> 3: listen[0].auth: is "none" on 192.0.2.1; {LOCAL}

# no credentials beyond loopback, in spite of TLS
[[listen]]
endpoint = "tcp:8420:interface=192.0.2.1"
tls = { certificate = "c.pem", private_key = "env:KEY" }
auth = "none"
=> 4: listen[0].auth: is "none" on 192.0.2.1; {LOCAL}

# no credentials for whom a proxy forwards
[[listen]]
endpoint = "unix:/run/mcp.sock"
auth = "none"
proxies = ["unix"]
=> 4: listen[0].proxies: is said with auth = "none";
   whom a proxy forwards may be anybody: leave it empty, or say auth = "required"

# no credentials for whom a proxy announces
[[listen]]
endpoint = "haproxy:tcp:8420:interface=127.0.0.1"
auth = "none"
=> 1: listen[0].proxies: is empty;
   must have the addresses of those who may announce others on a haproxy: endpoint
=> 3: listen[0].auth: is "none" on a haproxy: endpoint;
   whom a proxy announces may be anybody: say auth = "required"

# no credentials on a socket for everybody
[[listen]]
endpoint = "unix:/run/mcp.sock"
auth = "none"
mode = "0666"
=> 4: listen[0].mode: is "0666"; must not let everybody write where auth = "none", as "0660"

# proxies that nobody can be
[[listen]]
endpoint = "tcp:8420:interface=127.0.0.1"
proxies = ["unix", "localhost", "192.0.2.1/24", "fe80::1%eth0", "::ffff:192.0.2.1"]
=> 3: listen[0].proxies[0]: is "unix" where no UNIX socket is; must be addresses and networks
=> 3: listen[0].proxies[1]: "localhost" is refused: not an address and not a network; {PROXY}
=> 3: listen[0].proxies[2]: "192.0.2.1/24" is refused: the network of that address is 192.0.2.0/24; {PROXY}
=> 3: listen[0].proxies[3]: "fe80::1%eth0" is refused: a zone is no part of an address that connects; {PROXY}
=> 3: listen[0].proxies[4]: "::ffff:192.0.2.1" is refused: an IPv4 address is written as one; {PROXY}

# proxies of an Internet socket of systemd's
[[listen]]
endpoint = "systemd:domain=INET:name=mcp"
proxies = ["127.0.0.1", "unix"]
=> 3: listen[0].proxies[1]: is "unix" where no UNIX socket is; must be addresses and networks

# announced by nobody
[[listen]]
endpoint = "haproxy:systemd:domain=INET:name=mcp"
=> 1: listen[0].proxies: is empty;
   must have the addresses of those who may announce others on a haproxy: endpoint

# announced by nobody who can
[[listen]]
endpoint = "haproxy:unix:/run/mcp.sock"
proxies = ["127.0.0.1"]
=> 3: listen[0].proxies: would let nobody in; must have "unix" where a UNIX socket is haproxy:

# modes that are none
[[listen]]
endpoint = "unix:/run/a.sock"
mode = "rw-rw----"
[[listen]]
endpoint = "unix:/run/b.sock"
mode = "1777"
[[listen]]
endpoint = "unix:/run/c.sock"
mode = 432
[[listen]]
endpoint = "unix:/run/d.sock"
mode = "0o660"
=> 3: listen[0].mode: is "rw-rw----"; must be octal, from "0000" to "0777", as "0660"
=> 6: listen[1].mode: is "1777"; must be octal, from "0000" to "0777", as "0660"
=> 9: listen[2].mode: is a number; must be a string
=> 12: listen[3].mode: is "0o660"; must be octal, from "0000" to "0777", as "0660"

# mode and group of what is no file
[[listen]]
endpoint = "tcp:8420:interface=127.0.0.1"
mode = "0600"
[[listen]]
endpoint = "systemd:domain=UNIX:name=mcp"
group = "www"
[[listen]]
endpoint = "unix:/run/a.sock"
group = "a\u0000"
=> 3: listen[0].mode: is said of what is no unix: endpoint;
   must be left out; a socket of systemd has its own in its .socket unit
=> 6: listen[1].group: is said of what is no unix: endpoint;
   must be left out; a socket of systemd has its own in its .socket unit
=> 9: listen[2].group: has a NUL letter; must be without

# certificate without a key
[[listen]]
endpoint = "tcp:8443"
tls = { certificate = "" }
=> 3: listen[0].tls.private_key: is missing; it has no default

# certificate without a name
[[listen]]
endpoint = "tcp:8443"
tls = { certificate = "", private_key = "cred:key" }
=> 3: listen[0].tls.certificate: is empty; must be a PEM file

# TLS that is switched on
[[listen]]
endpoint = "tcp:8443:interface=127.0.0.1"
tls = true
=> 3: listen[0].tls: is a boolean; must be a table

# unknown key of TLS
[[listen]]
endpoint = "tcp:8443"
[listen.tls]
certificate = "c.pem"
private_key = "env:KEY"
versions = "1.3"
=> 6: listen[0].tls.versions: unknown key; {KEYS OF TLS}

# key that is no reference
[[listen]]
endpoint = "tcp:8443"
[listen.tls]
certificate = "c.pem"
private_key = "-----BEGIN PRIVATE KEY-----"
=> 5: listen[0].tls.private_key: is no reference; {REFERENCE}

# certificates of clients that nobody signs
[[listen]]
endpoint = "tcp:8443"
[listen.tls]
certificate = "c\u0000.pem"
private_key = "file:key.pem"
client_crl = "crl.pem"
client_auth = "required"
=> 4: listen[0].tls.certificate: has a NUL letter; must be without
=> 6: listen[0].tls.client_crl: is said without client_ca; say client_ca, too
=> 7: listen[0].tls.client_auth: is "required" without client_ca;
   say whose certificates are accepted: client_ca

# certificates of clients, misspelt
[[listen]]
endpoint = "tcp:8443"
[listen.tls]
certificate = "c.pem"
private_key = "file:key.pem"
client_auth = "require"
=> 6: listen[0].tls.client_auth: is "require"; must be "optional" or "required"; did you mean "required"?

# unknown listener key
[[listen]]
endpoint = "tcp:8420:interface=127.0.0.1"
proxy = []
=> 3: listen[0].proxy: unknown key; {KEYS OF LISTEN}; did you mean proxies?

# two listeners at one socket
[[listen]]
endpoint = "unix:/run/mcp.sock"
[[listen]]
endpoint = "haproxy:unix:/run/./mcp.sock"
proxies = ["unix"]
=> 4: listen[1].endpoint: is where the listener of line 2 listens; must be another

# two listeners at one socket of systemd's
[[listen]]
endpoint = "systemd:domain=INET:name=mcp"
[[listen]]
endpoint = "systemd:name=mcp:domain=INET"
=> 4: listen[1].endpoint: is where the listener of line 2 listens; must be another

# two listeners at one place
[[listen]]
endpoint = "tcp:8420:interface=127.0.0.1"

[[listen]]
endpoint = "tcp:8420:interface=127.0.0.1"
=> 5: listen[1].endpoint: is where the listener of line 2 listens; must be another

# a listener within another
[[listen]]
endpoint = "tcp:8420:interface=127.0.0.1"
[[listen]]
endpoint = "tcp:8420"
plain_is_fine = true
=> 4: listen[1].endpoint: is where the listener of line 2 listens; must be another

# auth misspelt
[[listen]]
endpoint = "tcp:8420:interface=127.0.0.1"
auth = "requird"
=> 3: listen[0].auth: is "requird"; must be "required" or "none"; did you mean "required"?

# flag as a string
[[listen]]
endpoint = "tcp:8420:interface=127.0.0.1"
plain_is_fine = "true"
=> 3: listen[0].plain_is_fine: is a string; must be true or false; did you mean true?

# nothing served
[[listen]]
endpoint = "tcp:8420:interface=127.0.0.1"
serve = []
=> 3: listen[0].serve: is empty; must have "mcp", "websocket" or "health"

# something unknown served
[[listen]]
endpoint = "tcp:8420:interface=127.0.0.1"
serve = [
    "mcp",
    "helth",
]
=> 5: listen[0].serve[1]: is "helth"; must be "mcp" or "websocket" or "health"; did you mean "health"?

# one string for a list
[[listen]]
endpoint = "tcp:8420:interface=127.0.0.1"
serve = "mcp"
=> 3: listen[0].serve: is a string; must be an array; did you mean ["mcp"]?

# host with a path
[[listen]]
endpoint = "tcp:8420:interface=127.0.0.1"
hosts = ["ok.example.org", "tools.example.org/mcp"]
=> 3: listen[0].hosts[1]: "tools.example.org/mcp" is refused:
   not a host name: a letter that it cannot have; {HOST}

# host with a port out of range
[[listen]]
endpoint = "tcp:8420:interface=127.0.0.1"
hosts = ["tools.example.org:70000"]
=> 3: listen[0].hosts[0]: "tools.example.org:70000" is refused: a port is a number from 1 to 65535; {HOST}

# host that is no string
[[listen]]
endpoint = "tcp:8420:interface=127.0.0.1"
hosts = [8420]
=> 3: listen[0].hosts[0]: is a number; must be a string

# origin without a scheme
[[listen]]
endpoint = "tcp:8420:interface=127.0.0.1"
origins = ["app.example.org"]
=> 3: listen[0].origins[0]: "app.example.org" is refused:
   an origin is written scheme://host or scheme://host:port; {ORIGIN}

# origin with a path
[[listen]]
endpoint = "tcp:8420:interface=127.0.0.1"
origins = ["https://app.example.org/"]
=> 3: listen[0].origins[0]: "https://app.example.org/" is refused:
   not a host name: a letter that it cannot have; {ORIGIN}

# origin of all
[[listen]]
endpoint = "tcp:8420:interface=127.0.0.1"
origins = ["*"]
=> 3: listen[0].origins[0]: is "*", which is every page of the web;
   name each origin; all that lie one label below a domain are as https://*.example.org

# origin that is null
[[listen]]
endpoint = "tcp:8420:interface=127.0.0.1"
origins = ["null"]
=> 3: listen[0].origins[0]: "null" is refused:
   an origin is written scheme://host or scheme://host:port; {ORIGIN}

# plugins in an array
[[plugins]]
name = "files"
=> 1: plugins: is no table; must be [plugins.NAME] tables

# plugin that is a string
[plugins]
files = "python3 files.py"
=> 2: plugins.files: is a string; must be a table

# plugin with a capital
[plugins.Files]
command = ["files"]
=> 1: plugins.Files: "Files" is no plugin's name; {NAME}

# plugin with an odd name
[plugins."a b\n"]
command = ["files"]
=> 1: plugins."a b\n": "a b\n" is no plugin's name; {NAME}

# plugin with a name too long
[plugins.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa]
command = ["files"]
=> 1: plugins.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa: "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" is no plugin's name;
   {NAME}

# plugin that names itself
[plugins.files]
name = "files"
command = ["files"]
=> 2: plugins.files.name: unknown key; {KEYS OF PLUGIN}

# plugin without a command
[plugins.files]
=> 1: plugins.files.command: is missing; it has no default

# command misspelt
[plugins.files]
comand = ["files"]
=> 1: plugins.files.command: is missing; it has no default
=> 2: plugins.files.comand: unknown key; {KEYS OF PLUGIN}; did you mean command?

# command as a string
[plugins.files]
command = "files"
=> 2: plugins.files.command: is a string; must be an array; did you mean ["files"]?

# command of nothing
[plugins.files]
command = []
=> 2: plugins.files.command: has no program; must be as ["/usr/bin/program", "argument"]

# command without a name
[plugins.files]
command = ["", "files"]
=> 2: plugins.files.command: has no program; must be as ["/usr/bin/program", "argument"]

# command with a NUL
[plugins.files]
command = ["files", "a\u0000b"]
=> 2: plugins.files.command[1]: has a NUL letter; must be without

# working folder with a NUL
[plugins.files]
command = ["files"]
cwd = "/a\u0000b"
=> 3: plugins.files.cwd: has a NUL letter; must be without

# path that is a string
[plugins.files]
command = ["files"]
path = "/opt/bin"
=> 3: plugins.files.path: is a string; must be an array; did you mean ["/opt/bin"]?

# path with a NUL
[plugins.files]
command = ["files"]
path = ["/opt\u0000"]
=> 3: plugins.files.path[0]: has a NUL letter; must be without

# variable with an impossible name
[plugins.files]
command = ["files"]
env = { "A=B" = "1" }
=> 3: plugins.files.env."A=B": is no variable's name; {VARIABLE}

# variable that is a number
[plugins.files]
command = ["files"]
env.PORT = 80
=> 3: plugins.files.env.PORT: is a number; must be a string

# variable with a NUL
[plugins.files]
command = ["files"]
env.TOKEN = "sesame\u0000"
=> 3: plugins.files.env.TOKEN: has a NUL letter; must be without

# variables in an array
[plugins.files]
command = ["files"]
env = ["A=B"]
=> 3: plugins.files.env: is an array; must be a table

# inherited variable with an impossible name
[plugins.files]
command = ["files"]
inherit = ["1A"]
=> 3: plugins.files.inherit[0]: "1A" is no variable's name; {VARIABLE}

# variable both set and inherited
[plugins.files]
command = ["files"]
env = { TZ = "UTC" }
inherit = ["TZ"]
=> 4: plugins.files.inherit[0]: TZ is in env, too; say it in one of the two

# prefix with two underscores
[plugins.files]
command = ["files"]
prefix = "a__b"
=> 3: plugins.files.prefix: is "a__b"; must have up to 32 letters, digits and _ . - without "__"

# prefix with a blank
[plugins.files]
command = ["files"]
prefix = "a b"
=> 3: plugins.files.prefix: is "a b"; must have up to 32 letters, digits and _ . - without "__"

# two plugins with one prefix
[plugins.files]
command = ["files"]
[plugins.disk]
command = ["disk"]
prefix = "files"
=> 5: plugins.disk.prefix: "files" is the prefix of the plugin files, too;
   must be each plugin's own, or empty

# protocol unknown
[plugins.files]
command = ["files"]
protocol = "legasy"
=> 3: plugins.files.protocol: is "legasy"; must be "auto" or "modern" or "legacy"; did you mean "legacy"?

# unknown table of a plugin
[plugins.files]
command = ["files"]
[plugins.files.sandbox]
mode = "on"
=> 3: plugins.files.sandbox: unknown key; {KEYS OF PLUGIN}

# unknown key of a plugin's table
[plugins.files]
command = ["files"]
[plugins.files.timeouts]
cal = "3s"
=> 4: plugins.files.timeouts.cal: unknown key; {TIMEOUTS}; did you mean call?

# call longer than its whole
[plugins.files]
command = ["files"]
timeouts = { call = "20m" }
=> 3: plugins.files.timeouts.call: is 20m; must be at most timeouts.max, which is 10m

# call longer than its shortened whole
[plugins.files]
command = ["files"]
[plugins.files.timeouts]
max = "5s"
=> 3: plugins.files.timeouts.call: is 1m; must be at most timeouts.max, which is 5s

# one tool's call longer than its whole
[plugins.files]
command = ["files"]
timeouts = { tools = { search = "20m" } }
=> 3: plugins.files.timeouts.tools.search: is 20m; must be at most timeouts.max, which is 10m

# one tool's call that is a number
[plugins.files]
command = ["files"]
timeouts = { tools = { search = 20 } }
=> 3: plugins.files.timeouts.tools.search: is a number; must be {DURATION}; did you mean "20s"?

# first start shorter than the others
[plugins.files]
command = ["files"]
timeouts = { first_start = "5s" }
=> 3: plugins.files.timeouts.first_start: is 5s; must be at least timeouts.start, which is 10s

# first start that others outgrew
[plugins.files]
command = ["files"]
[plugins.files.timeouts]
start = "20m"
=> 3: plugins.files.timeouts.first_start: is 10m; must be at least timeouts.start, which is 20m

# stop that nobody would wait for
[plugins.files]
command = ["files"]
timeouts.stop = "301s"
=> 3: plugins.files.timeouts.stop: is 301s; must be at most 5m

# idle for ever
[plugins.files]
command = ["files"]
timeouts.idle = "0s"
=> 3: plugins.files.timeouts.idle: "0s" is too small; must be {DURATION}

# share misspelt
[plugins.files]
command = ["files"]
share = "principle"
=> 3: plugins.files.share: is "principle"; must be "auto" or "all" or "principal" or "session" or "call";
   did you mean "principal"?

# workers as a number
[plugins.files]
command = ["files"]
workers = 4
=> 3: plugins.files.workers: is a number; must be a table

# more workers kept than there are
[plugins.files]
command = ["files"]
share = "all"
workers = { min = 9, max = 8, total = 8 }
=> 4: plugins.files.workers.min: is 9; must be at most workers.total, which is 8

# more workers kept than may be shared
[plugins.files]
command = ["files"]
share = "all"
workers = { min = 5 }
=> 4: plugins.files.workers.min: is 5; must be at most workers.max, which is 4, where share = "all"

# a host of workers
[plugins.files]
command = ["files"]
workers.total = 1001
=> 3: plugins.files.workers.total: is 1001; must be at most 1000

# worker with a million calls
[plugins.files]
command = ["files"]
concurrency = 10001
=> 3: plugins.files.concurrency: is 10001; must be at most 10000

# worker without calls
[plugins.files]
command = ["files"]
concurrency = 0
=> 3: plugins.files.concurrency: is too small; must be {COUNT}

# memory as a number
[plugins.files]
command = ["files"]
limits = { memory = 268435456, file_size = "0", processes = 0 }
=> 3: plugins.files.limits.file_size: "0" is too small; must be {SIZE}
=> 3: plugins.files.limits.memory: is a number; must be {SIZE}; did you mean "256M"?
=> 3: plugins.files.limits.processes: is too small; must be {COUNT}

# giving up without a time
[plugins.files]
command = ["files"]
restart.give_up = "5"
=> 3: plugins.files.restart.give_up: "5" cannot be read; must be {TRIES}

# giving up after a number
[plugins.files]
command = ["files"]
restart.give_up = 5
=> 3: plugins.files.restart.give_up: is a number; must be {TRIES}

# giving up in no time
[plugins.files]
command = ["files"]
restart.give_up = "5/0s"
=> 3: plugins.files.restart.give_up: "5/0s" is too small; must be {TRIES}

# giving up in a century
[plugins.files]
command = ["files"]
restart.give_up = "5/900000h"
=> 3: plugins.files.restart.give_up: "5/900000h" is too large; must be {TRIES}

# worker that is never old enough
[plugins.files]
command = ["files"]
restart.max_age = "999ms"
=> 3: plugins.files.restart.max_age: is 999ms; must be at least 1s

# calls below none
[plugins.files]
command = ["files"]
restart.max_calls = -1
=> 3: plugins.files.restart.max_calls: is too small; must be {NUMBER}

# calls as a string
[plugins.files]
command = ["files"]
restart.max_calls = "7"
=> 3: plugins.files.restart.max_calls: is a string; must be {NUMBER}; did you mean 7?

# any memory as a number
[plugins.files]
command = ["files"]
restart.max_memory = 0
=> 3: plugins.files.restart.max_memory: is a number; must be {ROOM}; did you mean "0"?

# memory of less than nothing
[plugins.files]
command = ["files"]
restart.max_memory = -1
=> 3: plugins.files.restart.max_memory: is a number; must be {ROOM}

# memory of a galaxy
[plugins.files]
command = ["files"]
restart.max_memory = "1025G"
=> 3: plugins.files.restart.max_memory: "1025G" is too large; must be {ROOM}

# backoff of one
[plugins.files]
command = ["files"]
restart.backoff = ["1s"]
=> 3: plugins.files.restart.backoff: has 1 entries; must have 2

# backoff that shrinks
[plugins.files]
command = ["files"]
restart = { backoff = ["2m", "1s"] }
=> 3: plugins.files.restart.backoff: goes from 2m to 1s; the first pause must be at most the longest

# backoff of a number
[plugins.files]
command = ["files"]
restart.backoff = ["1s", 60]
=> 3: plugins.files.restart.backoff[1]: is a number; must be {DURATION}; did you mean "60s"?

# chosen tools in an array
[plugins.files]
command = ["files"]
tools = ["read"]
=> 3: plugins.files.tools: is an array; must be a table

# defaults with a command
[defaults]
command = ["files"]
=> 2: defaults.command: unknown key; {KEYS OF DEFAULTS}

# defaults that are no table
defaults = 3
=> 1: defaults: is a number; must be a table

# defaults that are wrong for everybody
[defaults]
timeouts = { call = "1h" }
[plugins.files]
command = ["files"]
=> 2: defaults.timeouts.call: is 1h; must be at most timeouts.max, which is 10m

# value that is cut short
[daemon]
drain =
=> 2: is not TOML: Invalid value; {TOML}

# table twice
[daemon]

[daemon]
=> 3: is not TOML: Cannot declare ('daemon',) twice; {TOML}

# string that does not end
[daemon]
state_dir = "/var
=> 2: is not TOML: Illegal character '\n'; {TOML}
"""
"""Named configurations, each followed by all that the operator reads, less the file's name."""


def cases() -> dict[str, tuple[str, list[str]]]:
    """
    Read the table.

    Returns:
        For each name the configuration and the lines expected.
    """
    found = {}
    table = TABLE.replace("{80 LETTERS}", "a" * 80).replace("{54 LETTERS}", "a" * 54)
    for case in table.strip("\n").split("\n\n# "):
        name, _, rest = case.removeprefix("# ").partition("\n")
        text, *expected = rest.split("\n=> ")
        expected = [line.replace("\n  ", "") for line in expected]
        for word, meaning in WORDS.items():
            expected = [line.replace(f"{{{word}}}", meaning) for line in expected]
        found[name] = (text + "\n", expected)
    return found


class RefusalsTests(SynchronousTestCase):
    """
    Tests for refusals.
    """

    def said(self, text: str) -> list[str]:
        """
        Load a configuration; tell the lines of its refusal, less the file's name.
        """
        file = Path(self.mktemp())
        file.write_text(text)
        try:
            load(str(file), {"MCPD_DAEMON__PLUGIN_DIR": ""}, 0)
        except ConfigurationError as error:
            return [line.removeprefix(f"{file.absolute()}:") for line in str(error).split("\n")]
        return []

    def test_table(self) -> None:
        """
        Each mistake is told with its line, its key, what is wrong and what is allowed.
        """
        self.maxDiff = None
        known = cases()
        self.assertGreater(len(known), 100)
        self.assertEqual(
            {name: self.said(text) for name, (text, _) in known.items()},
            {name: expected for name, (_, expected) in known.items()},
        )

    def test_at_once(self) -> None:
        """
        All mistakes are told at once, in the order of the lines, whatever their kinds.
        """
        lines = self.said(
            "[daemon]\n"
            "drian = '1s'\n"
            "public_url = 'x'\n"
            "[[listen]]\n"
            "endpoint = 'tcp:1:interface=127.0.0.1'\n"
            "hots = []\n"
            "origins = ['x']\n"
            "[[listen]]\n"
            "endpoint = 'tcp:1:interface=127.0.0.1'\n"
            "[defaults]\n"
            "enabled = 1\n"
            "[plugins.a]\n"
            "command = []\n"
            "cdw = ''\n"
            "[plugins.b]\n"
            "command = ['b']\n"
            "prefix = 'a'\n"
        )
        self.assertEqual(
            [line.split(": ")[:2] for line in lines],
            [
                ["2", "daemon.drian"],
                ["3", "daemon.public_url"],
                ["6", "listen[0].hots"],
                ["7", "listen[0].origins[0]"],
                ["9", "listen[1].endpoint"],
                ["11", "defaults.enabled"],
                ["13", "plugins.a.command"],
                ["14", "plugins.a.cdw"],
                ["17", "plugins.b.prefix"],
            ],
        )

    def test_accepted(self) -> None:
        """
        What comes near to a refusal and is right is accepted.
        """
        for text in (
            "",
            "[[listen]]\nendpoint = 'tcp:0:interface=127.0.0.1'\n" * 2,
            "[[listen]]\nendpoint = 'tcp:1:interface=127.9.9.9'\nauth = 'none'",
            "[[listen]]\nendpoint = 'tcp6:1:interface=\\:\\:1'\nauth = 'none'",
            "[[listen]]\nendpoint = 'tcp:1'\nplain_is_fine = true\n"
            "[[listen]]\nendpoint = 'tcp6:1'\nplain_is_fine = true",
            "[[listen]]\nendpoint = 'tcp:1'\ntls = { certificate = 'c.pem', private_key = 'file:key.pem' }",
            "[[listen]]\nendpoint = 'tcp:1'\n[listen.tls]\ncertificate = 'c.pem'\nprivate_key = 'cred:key'\n"
            "client_ca = 'ca.pem'\nclient_crl = 'crl.pem'\nclient_auth = 'required'\n",
            "[[listen]]\nendpoint = 'unix:mcp.sock'\nauth = 'none'\nmode = '664'\ngroup = 'www'",
            "[[listen]]\nendpoint = 'unix:mcp.sock'\nmode = '0666'\nproxies = ['unix', '192.0.2.1']",
            "[[listen]]\nendpoint = 'systemd:domain=UNIX:name=mcp'\nauth = 'none'",
            "[[listen]]\nendpoint = 'systemd:domain=INET:name=mcp'\nauth = 'none'\nmode = '0660'\ngroup = ''",
            "[[listen]]\nendpoint = 'haproxy:unix:mcp.sock'\nproxies = ['unix']",
            "[[listen]]\nendpoint = 'haproxy:tcp:1:interface=127.0.0.1'\nproxies = ['127.0.0.1', '::/0']",
            "[rate]\nmessages = 'off'\n[websocket]\nping = '1ms'\ncompression = true\n",
            "[rate]\nmessages = '999999/s, 1'\n",
            "[limits]\nbody = '256M'\nrequest_line = '32K'",
            "[sessions]\npoll = '0s'\n[catalog]\nttl = '8760h'\nname_limit = 16",
            "[sessions]\npoll = '1ms'\n[catalog]\nttl = '0ms'\nname_limit = 128",
            "[plugins.a]\ncommand = ['a']\nprefix = ''\n[plugins.b]\ncommand = ['a']\nprefix = ''",
            "[plugins.a]\ncommand = ['a']\nenabled = false\n[plugins.b]\ncommand = ['a']\nprefix = 'a'",
            "[plugins.a]\ncommand = ['a']\ntimeouts = { call = '10m' }\nrestart.backoff = ['1s', '1s']",
            "[plugins.a]\ncommand = ['a']\nworkers = { min = 5 }\nconcurrency = 10000",
            "[plugins.a]\ncommand = ['a']\nshare = 'all'\nworkers = { min = 1000, max = 1000, total = 1000 }",
            "[plugins.a]\ncommand = ['a']\ntimeouts = { start = '10m', stop = '5m' }",
            "[plugins.a]\ncommand = ['a']\nrestart = { max_age = '1s', max_calls = 0, max_memory = '0' }",
            f"[daemon]\nruntime_dir = '/{'a' * 95}'",
        ):
            self.assertEqual(self.said(text), [], text)
