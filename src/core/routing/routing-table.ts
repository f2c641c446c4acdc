// Compiles the routing options for the data path: names and values become bytes, choices become numbers, so
// that a decision compares bytes in the read buffer and allocates nothing. Done once for each configuration.
import { assert } from '#src/base/assert.ts';
import type { RoutingOptions, RoutingRule, StickyMode } from './routing-options.ts';

/** Where a request's sticky key is. */
export const StickyKind = { none: 0, clientIp: 1, header: 2, cookie: 3 } as const;
export type StickyKind = (typeof StickyKind)[keyof typeof StickyKind];

export interface CompiledRule {
  /** The RouteDecision of requests that match: pinnedX or pinnedY. */
  readonly decision: 2 | 3;
  /** Host in lower case; with `hostIsSuffix`, what is behind the `*`, with its dot. */
  readonly host: Uint8Array | null;
  readonly hostIsSuffix: boolean;
  readonly pathPrefix: Uint8Array | null;
  readonly methods: readonly Uint8Array[] | null;
  /** Lower-case field name. */
  readonly headerName: Uint8Array | null;
  readonly headerValue: Uint8Array | null;
}

export interface RoutingTable {
  /** There is no override, no rule and no stickiness: every request is split at random. */
  readonly isPlain: boolean;
  readonly rules: readonly CompiledRule[];
  readonly stickyKind: StickyKind;
  /** Field name in lower case, or the cookie's name, which is case-sensitive (RFC 6265 5.3). */
  readonly stickyName: Uint8Array;
  /**
   * Name of the override field in lower case; null when it is off. It is never forwarded, because it contains
   * the secret.
   */
  readonly overrideName: Uint8Array | null;
  readonly overrideSecret: Uint8Array;
}

const utf8 = new TextEncoder();
const none = new Uint8Array(0);

export function compileRule(rule: RoutingRule): CompiledRule {
  const hostIsSuffix = rule.host?.startsWith('*.') ?? false;
  const host = rule.host?.slice(hostIsSuffix ? 1 : 0).toLowerCase() ?? null;
  return {
    decision: rule.cluster === 'x' ? 2 : 3,
    host: host === null ? null : utf8.encode(host),
    hostIsSuffix,
    pathPrefix: rule.pathPrefix === null ? null : utf8.encode(rule.pathPrefix),
    methods: rule.methods?.map((method) => utf8.encode(method)) ?? null,
    headerName: rule.header === null ? null : utf8.encode(rule.header.name.toLowerCase()),
    headerValue: rule.header === null || rule.header.value === null ? null : utf8.encode(rule.header.value),
  };
}

function stickyNameOf(sticky: StickyMode): Uint8Array {
  switch (sticky.kind) {
    case 'none':
    case 'clientIp':
      return none;
    case 'header':
      return utf8.encode(sticky.name.toLowerCase());
    case 'cookie':
      return utf8.encode(sticky.name);
  }
}

/** Compiles options that were validated. All allocations are made here, so that decideRoute makes none. */
export function compileRouting(options: RoutingOptions): RoutingTable {
  const { override, rules, sticky } = options;
  assert(override === null || override.secret !== '', 'an override has a secret');
  return {
    isPlain: override === null && rules.length === 0 && sticky.kind === 'none',
    rules: rules.map(compileRule),
    stickyKind: StickyKind[sticky.kind],
    stickyName: stickyNameOf(sticky),
    overrideName: override === null ? null : utf8.encode(override.header.toLowerCase()),
    overrideSecret: override === null ? none : utf8.encode(override.secret),
  };
}
