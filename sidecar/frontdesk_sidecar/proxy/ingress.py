"""The path rules that send logins and registrations, and nothing else, through the proxy. Pure.

Each format names two services: `frontdesk`, this proxy, and `shop`, which it stands before. All
take a trailing slash as the rules do.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from frontdesk.rule_keys import PARAMETER
from frontdesk.rules import Rule

#: Azure Front Door: match values of one condition; more is allowed on some tiers alone.
_MATCH_VALUES: Final = 10
#: Traefik reads a rule as one expression; a long one is hard to read for people.
_PATHS_OF_A_RULE: Final = 40


class Route(NamedTuple):
    """One method and path, which may hold `{name}` for a segment."""

    method: str
    path: str

    @property
    def is_template(self) -> bool:
        """Whether a segment is left open."""
        return PARAMETER.search(self.path) is not None

    @property
    def pattern(self) -> str:
        """A regular expression for the whole path, in the dialect that PCRE, RE2 and Go share."""
        parts = PARAMETER.split(self.path)
        return "[^/]+".join(map(_escaped, parts[:: PARAMETER.groups + 1])) + "/?"


def routes_of(rules: Iterable[Rule]) -> list[Route]:
    """Every route once, sorted."""
    return sorted({Route(rule.method, rule.path) for rule in rules})


def render(name: str, rules: Iterable[Rule]) -> str:
    """The rules in one of `FORMATS`. KeyError for any other."""
    return FORMATS[name](routes_of(rules))


def _escaped(text: str) -> str:
    return re.sub(r"([.^$*+?()\[\]{}|\\])", r"\\\1", text)


def _spellings(routes: Iterable[Route]) -> list[str]:
    """Both spellings of each path without an open segment."""
    paths = [route.path for route in routes if not route.is_template]
    return [spelling for path in paths for spelling in (path, path.rstrip("/") + "/")]


def _by_method(routes: Iterable[Route]) -> Iterator[tuple[str, list[Route]]]:
    routes = list(routes)
    for method in sorted({route.method for route in routes}):
        yield method, [route for route in routes if route.method == method]


def _groups(items: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _quoted(text: str) -> str:
    """A string of YAML in double quotes (a JSON string is one)."""
    return json.dumps(text)


def _paths(routes: Sequence[Route]) -> str:
    return "".join(f"{method} {path}\n" for method, path in routes)


def _nginx(routes: Sequence[Route]) -> str:
    """A `map`: one look-up in a hash table, and regular expressions for open segments alone."""
    lines = [
        "# Goes into http {}; then, in the server: proxy_pass http://$frontdesk_pool;",
        "# with `upstream shop {}` and `upstream frontdesk {}`: see examples/edge/nginx.",
        "map_hash_max_size 8192;",
        "map_hash_bucket_size 256;",
        "map $request_method:$uri $frontdesk_pool {",
        "    default shop;",
    ]
    for method, path in routes:
        route = Route(method, path)
        if route.is_template:
            lines.append(f'    "~^{method}:{route.pattern}$" frontdesk;')
        else:
            lines += [f'    "{method}:{spelling}" frontdesk;' for spelling in _spellings([route])]
    return "\n".join([*lines, "}", ""])


def _envoy(routes: Sequence[Route]) -> str:
    """Routes of a virtual host, before the one to the shop."""
    lines = [
        "# Goes into virtual_hosts[].routes, before the route to the cluster `shop`.",
        "routes:",
    ]
    for route in routes:
        lines += [
            "- match:",
            f"    safe_regex: {{ regex: {_quoted(route.pattern)} }}"
            if route.is_template
            else f"    path: {_quoted(route.path)}",
            "    headers:",
            '    - name: ":method"',
            f"      string_match: {{ exact: {route.method} }}",
            "  route: { cluster: frontdesk }",
        ]
        if not route.is_template:
            again = [*lines[-6:]]
            again[1] = f"    path: {_quoted(route.path.rstrip('/') + '/')}"
            lines += again
    return "\n".join([*lines, ""])


def _traefik(routes: Sequence[Route]) -> str:
    """Routers of the file provider, Traefik 3."""
    lines = [
        "# For the file provider; the services are in examples/edge/traefik.",
        "http:",
        "  routers:",
    ]
    number = 0
    for method, ours in _by_method(routes):
        matchers = [f"Path(`{path}`)" for path in _spellings(ours)]
        matchers += [f"PathRegexp(`^{route.pattern}$`)" for route in ours if route.is_template]
        for group in _groups(matchers, _PATHS_OF_A_RULE):
            number += 1
            rule = f"Method(`{method}`) && ({' || '.join(group)})"
            lines += [
                f"    frontdesk-{number}:",
                f"      rule: {_quoted(rule)}",
                "      priority: 100000",
                "      service: frontdesk",
            ]
    return "\n".join([*lines, ""])


def _kubernetes(routes: Sequence[Route]) -> str:
    """An Ingress. It knows no methods, so that every request to these paths goes this way."""
    fixed = [(path, "Exact") for path in dict.fromkeys(_spellings(routes))]
    open_ones = sorted({route.pattern for route in routes if route.is_template})
    text = "# An Ingress has no methods: every request to these paths goes through the proxy.\n"
    text += _ingress("frontdesk", fixed, regex=False)
    if open_ones:
        patterns = [(pattern, "ImplementationSpecific") for pattern in open_ones]
        text += "---\n# Open segments, as ingress-nginx has them.\n"
        text += _ingress("frontdesk-open", patterns, regex=True)
    return text


def _ingress(name: str, paths: Iterable[tuple[str, str]], *, regex: bool) -> str:
    lines = ["apiVersion: networking.k8s.io/v1", "kind: Ingress", "metadata:", f"  name: {name}"]
    if regex:
        lines += ["  annotations:", '    nginx.ingress.kubernetes.io/use-regex: "true"']
    lines += ["spec:", "  rules:", "  - http:", "      paths:"]
    for path, kind in paths:
        lines += [
            f"      - path: {_quoted(path)}",
            f"        pathType: {kind}",
            "        backend: { service: { name: frontdesk, port: { number: 8078 } } }",
        ]
    return "\n".join([*lines, ""])


def _azure_front_door(routes: Sequence[Route]) -> str:
    """Rules of a rule set (Microsoft.Cdn/profiles/ruleSets/rules, Standard and Premium), as JSON.

    Each sends to the origin group that `frontdeskOriginGroupId` names. Values of a path condition
    have no leading slash.
    """
    rules: list[Mapping[str, Any]] = []
    for method, ours in _by_method(routes):
        fixed = [path.removeprefix("/") for path in _spellings(ours)]
        patterns = [f"^{route.pattern.removeprefix('/')}$" for route in ours if route.is_template]
        for operator, values in (("Equal", fixed), ("RegEx", patterns)):
            for group in _groups(values, _MATCH_VALUES):
                rules.append(_azure_rule(len(rules) + 1, method, operator, group))
    return json.dumps({"rules": rules}, indent=2) + "\n"


def _azure_rule(
    number: int, method: str, operator: str, values: Sequence[str]
) -> Mapping[str, Any]:
    override = {
        "typeName": "DeliveryRuleRouteConfigurationOverrideActionParameters",
        "originGroupOverride": {
            "originGroup": {"id": "[parameters('frontdeskOriginGroupId')]"},
            "forwardingProtocol": "HttpsOnly",
        },
    }
    return {
        "name": f"frontdesk{number}",
        "order": number,
        "conditions": [
            _azure_condition("RequestMethod", "RequestMethod", "Equal", [method]),
            _azure_condition("UrlPath", "UrlPathMatch", operator, values),
        ],
        "actions": [{"name": "RouteConfigurationOverride", "parameters": override}],
        "matchProcessingBehavior": "Stop",
    }


def _azure_condition(
    name: str, kind: str, operator: str, values: Sequence[str]
) -> Mapping[str, Any]:
    parameters = {
        "typeName": f"DeliveryRule{kind}ConditionParameters",
        "operator": operator,
        "matchValues": list(values),
        "negateCondition": False,
        "transforms": [],
    }
    return {"name": name, "parameters": parameters}


FORMATS: Final[Mapping[str, Callable[[Sequence[Route]], str]]] = {
    "azure-front-door": _azure_front_door,
    "envoy": _envoy,
    "kubernetes": _kubernetes,
    "nginx": _nginx,
    "paths": _paths,
    "traefik": _traefik,
}
