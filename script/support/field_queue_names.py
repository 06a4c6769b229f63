"""Item 1: whatever text a policy or an injector sets for a part of a queue's name comes back as it was set, or the message is refused."""

from urllib.parse import quote

from field_clocks import both
from field_lab import SOON, case, check
from field_node import Node
from field_smtp import Peer
from processes import wait_for

PLAIN = ["acme", "spring-2026", "a.b_c"]
ODD = ["spring:2026", "a@b", "a!b", "a:b@c!d", "::", "@", "!", "@@!!::", 'say "x"', '"', "back\\slash", "two words", " leading", "trailing ", "'single'",
       "a->b@smtp_client", "%3A%40", "null", "nil", "é", "日本語", "🦆:🦆", "İstanbul", "e\u0301", "\u202eabc", "(|)", "a,b;c", "*", "-", ".", "..", "a/b", "\t",
       "new\nline", "cr\rlf", "nul\0byte", "del\x7f", "\x1b[31m"]
LONG = ["x" * 200, "x" * 512, "x" * 513, "é" * 300, "x" * 5000, "a:" * 2000, "x" * 100_000]
VALUES = PLAIN + ODD + LONG
PARTS = ("tenant", "campaign", "routing_domain")


def lua(text):
    return '"' + "".join(f"\\x{byte:02x}" for byte in text.encode()) + '"'


# X-Set-tenant: the value in hexadecimal digits, so that any byte can come through SMTP; X-Plain-tenant: the value itself.
SET = """
local function set(msg)
  for _, name in ipairs { 'tenant', 'campaign', 'routing_domain', 'queue' } do
    local hex = msg:get_first_named_header_value('X-Set-' .. name)
    if hex then msg:set_meta(name, (hex:gsub('%s', ''):gsub('..', function(h) return string.char(tonumber(h, 16)) end))) end
    local plain = msg:get_first_named_header_value('X-Plain-' .. name)
    if plain then msg:set_meta(name, plain) end
  end
end
kumo.on('smtp_server_message_received', set)
kumo.on('http_message_generated', set)
"""

ROUTE = """
  local want = expected[domain]
  local got = want and (tenant or '') == want[1] and (campaign or '') == want[2] and (routing_domain or '') == want[3]
  local peer = (got or not want) and '%s' or '%s'
  do return kumo.make_queue_config { retry_interval = '1s', protocol = { smtp = { mx_list = { peer } } } } end
"""


def fold(text):
    """As a header that is short enough per line."""
    return "\r\n ".join(text[n:n + 600] for n in range(0, len(text), 600))


class Question:
    """One message that sets parts of its queue's name: what it sets, and where it goes when all of it comes back."""

    def __init__(self, number, parts):
        self.domain, self.parts = f"n{number}.example", parts
        self.recipient = f"to@{self.domain}"
        self.refusal = None

    @property
    def label(self):
        return " ".join(f"{k}={v[:30]!r}{f' ({len(v)})' if len(v) > 30 else ''}" for k, v in self.parts.items())

    def headers(self, plain):
        return {f"X-{'Plain' if plain else 'Set'}-{k}": v if plain else fold(v.encode().hex()) for k, v in self.parts.items()}


def by_smtp(node, question, plain=False):
    head = "".join(f"{k}: {v}\r\n" for k, v in question.headers(plain).items())
    code, text = node.send(question.recipient, f"Subject: x\r\n{head}\r\nx\r\n".encode(), parameters=" BODY=8BITMIME" if plain else "")
    return text if code >= 400 else None


def by_http_policy(node, question):
    head = "".join(f"{k}: {v}\r\n" for k, v in question.headers(False).items())
    return http_refusal(node.inject_raw(question.recipient, f"Subject: x\r\n{head}\r\nx\r\n"))


def by_http_fields(node, question):
    return http_refusal(node.request("POST", "/api/inject", {"from": "from@field.example", "to": [question.recipient], **question.parts}))


def http_refusal(answer):
    if answer.status == 200 and not answer.json["fail_count"]:
        return None
    return answer.text or f"status {answer.status}, no text"


ROUTES = {
    "SMTP, policy": by_smtp,
    "SMTP, policy, text of a header": lambda node, question: by_smtp(node, question, plain=True),
    "HTTP, policy": by_http_policy,
    "HTTP, fields": by_http_fields,
}


def clean(value):
    """A value that a header can carry as it is."""
    return value == value.strip() and value.isprintable() and len(value) < 900


def questions(route, part):
    values = [v for v in VALUES if route != "SMTP, policy, text of a header" or clean(v)]
    return [Question(n, {part: v}) for n, v in enumerate(values)]


def combined():
    """Several parts at once: a part that is not valid must not take the others with it."""
    return [Question(n, p) for n, p in enumerate([
        dict(tenant="acme", campaign="spring:2026"), dict(tenant="a:b", campaign="c:d"), dict(tenant="a@b", campaign="c@d", routing_domain="e@f"),
        dict(tenant="acme", routing_domain="relay!x"), dict(campaign="c", routing_domain="r.example"), dict(tenant=":x", campaign=""),
        dict(tenant="x", campaign="y" * 600), dict(tenant="y" * 600, routing_domain="r.example"), dict(tenant="t", campaign="a\nb", routing_domain="r.example"),
        dict(tenant='"t"', campaign='"c"', routing_domain='"r"'), dict(tenant="t\\", campaign="c\\", routing_domain="r\\"),
    ])]


def node_for(lab, asked):
    right, wrong = (lab.closes(*both(Peer())) for _ in range(2))
    rows = ", ".join(f"['{q.domain}'] = {{ {', '.join(lua(q.parts.get(p, '')) for p in PARTS)} }}" for q in asked)
    node = Node(lab, extra=SET + f"\nexpected = {{ {rows} }}",
                queue_code=ROUTE % (right.address, wrong.address))
    return node, right, wrong


def comes_back(lab, asked, route):
    node, right, wrong = node_for(lab, asked)
    for q in asked:
        q.refusal = ROUTES[route](node, q)
        check(q.refusal is None or len(q.refusal) > 8, f"{q.label}: refused without a reason: {q.refusal!r}")
        check(q.refusal is None or not any(v in PLAIN for v in q.parts.values()) or len(q.parts) > 1, f"{q.label} is refused: {q.refusal}")
    taken = [q for q in asked if q.refusal is None]
    wait_for(lambda: len(right.recipients()) + len(wrong.recipients()) >= len(taken), SOON, "delivery")
    lost = [q.label for q in taken if wrong.took(q.recipient)]
    check(not lost, f"{len(lost)} of {len(taken)} came to get_queue_config changed, such as {', '.join(lost[:4])}")
    wait_for(lambda: len(node.records("Delivery")) >= len(taken), SOON, "records")
    names = {r["recipient"]: r["queue"] for r in node.records("Delivery")}
    for q in taken:
        name = names[q.recipient]
        check(name.isprintable() or "\n" not in name, f"{q.label}: a line break stands in the name {name!r}")
        answer = node.request("GET", "/api/explain?queue=" + quote(name, safe=""))
        check(answer.status == 200 and any(a.get("found") for a in answer.json["answers"]),
              f"{q.label}: no queue by its own name {name[:80]!r}: {answer.text[:200]}")


def held(lab, asked, route, part):
    """A suspension by exactly this text holds the message."""
    node, right, wrong = node_for(lab, asked)
    suspended = {}
    for q in asked:
        answer = node.request("POST", "/api/admin/suspend/v1", {part: q.parts[part], "domain": q.domain, "reason": "field", "duration": "1h"})
        suspended[q] = answer.status == 200
        q.refusal = ROUTES[route](node, q)
        check(suspended[q] or q.refusal is not None, f"{q.label}: the message is taken, and cannot be suspended: {answer.text[:200]}")
    node.inject(["marker@marker.example"])
    right.wait(1)
    wait_for(lambda: right.took("marker@marker.example"), SOON, "the marker")
    taken = [q for q in asked if q.refusal is None]
    wait_for(lambda: sum(q["scheduled"] for q in node.queues() if q["state"] == "paused") + len(right.recipients()) + len(wrong.recipients())
             > len(taken), SOON, "every message is held or sent")
    sent = [q.label for q in taken if right.took(q.recipient) or wrong.took(q.recipient)]
    check(not sent, f"{len(sent)} of {len(taken)} left although suspended, such as {', '.join(sent[:4])}")


@case(1, "queue-names", weight=30)
def queue_names(lab):
    """Tenant, campaign and routing domain with every separator, Unicode, control characters and any length: by SMTP, HTTP and Lua."""
    variants = {}
    for route in ROUTES:
        for part in PARTS:
            if route == "HTTP, fields" and part == "routing_domain":
                continue
            variants[f"{route}, {part}"] = lambda lab, route=route, part=part: comes_back(lab, questions(route, part), route)
        if route not in ("HTTP, fields", "SMTP, policy, text of a header"):
            variants[f"{route}, several parts"] = lambda lab, route=route: comes_back(lab, combined(), route)
    lab.together(variants)


@case(1, "queue-names-suspended", weight=20)
def suspended(lab):
    """A suspension of that very text holds the mail."""
    variants = {}
    for route in ("SMTP, policy", "HTTP, fields"):
        for part in PARTS[:2] if route == "HTTP, fields" else PARTS:
            variants[f"{route}, {part}"] = lambda lab, route=route, part=part: held(lab, questions(route, part), route, part)
    lab.together(variants)


QUEUES = ["other.example", "c:t@other.example!r.example", "a:b:c@other.example", "x@y@other.example", "other.example!a!b", "two words", '"quo:ted"@other.example',
          "@other.example", ":@other.example", "!r.example", "t@", "@", "!", "é@日本.example", "new\nline@other.example", "nul\0@other.example", "x" * 600,
          "t@" + "x" * 600, "x" * 50_000]


@case(1, "queue-override")
def override(lab):
    """The meta value `queue` of any form is used as it is, or the message is refused: never the recipient's own queue without a word."""
    def run(route):
        def function(lab):
            right, wrong = (lab.closes(*both(Peer())) for _ in range(2))
            node = Node(lab, extra=SET, queue_code="local own = domain:find('^own%d+%.example$') ~= nil or domain == 'invalid.invalid'\n"
                        f"  do return kumo.make_queue_config {{ protocol = {{ smtp = {{ mx_list = {{ own and '{wrong.address}' or '{right.address}' }} }} }} }} end")
            taken = []
            for n, text in enumerate(QUEUES):
                q = Question(n, dict(queue=text))
                q.domain, q.recipient = f"own{n}.example", f"to@own{n}.example"
                q.refusal = ROUTES[route](node, q)
                check(n > 1 or q.refusal is None, f"{q.label} is refused: {q.refusal}")
                if q.refusal is None:
                    taken.append(q)
            wait_for(lambda: len(right.recipients()) + len(wrong.recipients()) >= len(taken), SOON, "delivery")
            lost = [q.label for q in taken if wrong.took(q.recipient)]
            check(not lost, f"{len(lost)} of {len(taken)} went to a queue nobody named, such as {', '.join(lost[:4])}")
        return function
    lab.together({route: run(route) for route in ("SMTP, policy", "HTTP, policy")})


@case(1, "queue-names-typed", weight=5)
def typed(lab):
    """Values that are no text: a number or a boolean counts as its text or is refused, a table is refused."""
    right, wrong = (lab.closes(*both(Peer())) for _ in range(2))
    node = Node(lab, extra="kumo.on('smtp_server_message_received', function(msg) local v = ({ 42, 4.5, true, false, { 'x' } })"
                "[tonumber(msg:get_first_named_header_value('X-N'))]\n msg:set_meta('tenant', v) end)",
                queue_code="local own = tenant == nil\n  do return kumo.make_queue_config { protocol = { smtp = { mx_list = { own and '"
                f"{wrong.address}' or '{right.address}' }} }} }} }} end")
    for n, name in enumerate(("integer", "number", "true", "false", "table"), 1):
        with lab.variant(name):
            code, text = node.send(f"to{n}@d.example", f"X-N: {n}\r\n\r\nx\r\n".encode())
            if code == 250:
                wait_for(lambda: right.took(f"to{n}@d.example") or wrong.took(f"to{n}@d.example"), SOON, "delivery")
                check(not wrong.took(f"to{n}@d.example"), "the tenant was dropped without a word")
