// Checks and resolves the routing section: rules, routes, stickiness, trusted proxies and the override.
import { parseCidr } from '#src/core/routing/client-address.ts';
import type { Cidr, RoutingRule, StickyMode } from '#src/core/routing/routing-options.ts';
import { routesTrackedMax } from '#src/limits.ts';
import type { Config, NamedRoute } from './config.ts';
import { isHost } from './net-address.ts';
import { itemsOf, type Report } from './problem-report.ts';
import type { WrittenConfig } from './schema.ts';
import type { ConfigPath } from './yaml-source.ts';

type Written = WrittenConfig['routing'];
type WrittenRule = Written['rules'][number];

/** Fields that delimit a message or name its target; they cannot hold a sticky key or a secret. */
const reservedHeaders = new Set([
  'host',
  'content-length',
  'transfer-encoding',
  'connection',
  'te',
  'trailer',
  'upgrade',
]);

function headerName(written: string, path: ConfigPath, report: Report): string {
  const name = written.toLowerCase();
  if (reservedHeaders.has(name))
    report(path, `${written} has a meaning of its own in HTTP`, 'choose another header');
  return name;
}

function resolveSticky(written: Written['sticky'], report: Report): StickyMode {
  if (typeof written === 'string') return { kind: written };
  if ('cookie' in written) return { kind: 'cookie', name: written.cookie };
  return { kind: 'header', name: headerName(written.header, ['routing', 'sticky', 'header'], report) };
}

function ruleHost(written: string, path: ConfigPath, report: Report): string {
  const host = written.toLowerCase().replace(/\.$/, '');
  const name = host.startsWith('*.') ? host.slice(2) : host;
  const bare = name.startsWith('[') && name.endsWith(']') ? name.slice(1, -1) : name;
  if (isHost(bare) && bare.includes(':') === (bare !== name)) return host;
  const hint = /:\d+$/.test(written)
    ? 'leave the port out; it is ignored'
    : 'such as api.example.com or *.example.com';
  report(path, `expected a host name, got "${written}"`, hint);
  return host;
}

function checkMethods(methods: readonly string[], path: ConfigPath, report: Report): void {
  for (const [index, method] of methods.entries()) {
    if (method === method.toUpperCase()) continue;
    report(
      [...path, 'methods', index],
      `methods are case-sensitive, and "${method}" is none that clients send`,
      `write ${method.toUpperCase()}`,
    );
  }
}

function resolveRule(written: WrittenRule, index: number, report: Report): RoutingRule {
  const path: ConfigPath = ['routing', 'rules', index];
  const { name, cluster, host, pathPrefix, methods, header } = written;
  if ((host ?? pathPrefix ?? methods ?? header) === undefined) {
    report(
      path,
      'the rule has no condition and would take every request',
      'give host, pathPrefix, methods or header; for all of the traffic use the split',
    );
  }
  if (methods !== undefined) checkMethods(methods, path, report);
  return {
    name: name ?? `rule ${index + 1}`,
    cluster,
    host: host === undefined ? null : ruleHost(host, [...path, 'host'], report),
    pathPrefix: pathPrefix ?? null,
    methods: methods ?? null,
    header: header === undefined ? null : { name: header.name.toLowerCase(), value: header.value ?? null },
  };
}

function resolveRules(written: Written['rules'], report: Report): RoutingRule[] {
  const rules: RoutingRule[] = [];
  for (const [index, item] of itemsOf(written)) {
    const rule = resolveRule(item, index, report);
    if (rules.some((earlier) => earlier.name === rule.name)) {
      report(
        ['routing', 'rules', index, 'name'],
        `another rule is called "${rule.name}"`,
        'names tell rules apart; choose another',
      );
    }
    rules.push(rule);
  }
  return rules;
}

function resolveRoutes(written: Written['routes'], report: Report): NamedRoute[] {
  const names = new Set<string>();
  return [...itemsOf(written)].map(([index, { name, host, pathPrefix, methods }]) => {
    const path: ConfigPath = ['routing', 'routes', index];
    if ((host ?? pathPrefix ?? methods) === undefined)
      report(
        path,
        'the route has no condition and would be every request',
        'give host, pathPrefix or methods; requests that match no route are compared together',
      );
    if (methods !== undefined) checkMethods(methods, path, report);
    if (names.size === routesTrackedMax && !names.has(name))
      report(
        [...path, 'name'],
        `more than ${routesTrackedMax} routes are not told apart`,
        'give several entries the same name, or leave the rarest out',
      );
    names.add(name);
    return {
      name,
      host: host === undefined ? null : ruleHost(host, [...path, 'host'], report),
      pathPrefix: pathPrefix ?? null,
      methods: methods ?? null,
    };
  });
}

function resolveProxies(written: Written['trustedProxies'], report: Report): Cidr[] {
  const cidrs: Cidr[] = [];
  for (const [index, text] of itemsOf(written)) {
    const cidr = parseCidr(text);
    if (cidr !== null) cidrs.push(cidr);
    else
      report(
        ['routing', 'trustedProxies', index],
        `expected an address or CIDR block, got "${text}"`,
        'such as 10.0.0.0/8, 192.0.2.7 or fd00::/8',
      );
  }
  return cidrs;
}

/** The resolved section. Without a secret the override is off. */
export function resolveRouting(written: Written, report: Report): Config['routing'] {
  const { header, secret } = written.override;
  const name = headerName(header, ['routing', 'override', 'header'], report);
  return {
    sticky: resolveSticky(written.sticky, report),
    rules: resolveRules(written.rules, report),
    routes: resolveRoutes(written.routes, report),
    trustedProxies: resolveProxies(written.trustedProxies, report),
    override: secret === '' ? null : { header: name, secret },
  };
}
