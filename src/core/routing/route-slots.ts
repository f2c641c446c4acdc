// Finds the slot of the counters that a request's route has. Routes are known by patterns (Kong's routes, or
// configured ones), or are derived: each host with a first path segment is one. The control thread assigns
// slots; a worker only looks them up.

import type { RequestHead } from '#src/core/http1/request-head.ts';
import { routesTrackedMax } from '#src/limits.ts';
import { hostNameEnd, matchesRule } from './request-match.ts';
import { type CompiledRule, compileRule } from './routing-table.ts';

/** A route that is known by its conditions; those that are null match every request. */
export interface RoutePattern {
  readonly slot: number;
  readonly name: string;
  readonly host: string | null;
  readonly pathPrefix: string | null;
  readonly methods: readonly string[] | null;
}

/** A route that is known by the hash of its host and first path segment. */
interface DerivedRoute {
  readonly slot: number;
  readonly name: string;
  readonly key: number;
}

export type RouteSlots =
  | { readonly kind: 'patterns'; readonly routes: readonly RoutePattern[] }
  | { readonly kind: 'derived'; readonly routes: readonly DerivedRoute[] };

/** Slot of all routes that have none of their own. */
const other = routesTrackedMax;
const slash = 0x2f;
const question = 0x3f;
const fnvPrime = 0x01000193;
const fnvOffset = 0x811c9dc5 | 0;

/** Name of the route that has the slot; `all other routes` for the slot that the others share. */
export function nameOfSlot({ routes }: RouteSlots, slot: number): string {
  if (slot === other) return 'all other routes';
  return routes.find((route) => route.slot === slot)?.name ?? `route ${slot}`;
}

/** Whether every slot that had a route has still the same. */
export function keepsSlots(before: RouteSlots, after: RouteSlots): boolean {
  if (before === after) return true;
  if (before.kind !== 'derived' || after.kind !== 'derived') return false;
  return before.routes.every((route, index) => route === after.routes[index]);
}

export class RouteTable {
  readonly #routes: RouteSlots;
  readonly #patterns: readonly { readonly slot: number; readonly rule: CompiledRule }[] | null;
  readonly #slots: ReadonlyMap<number, number>;
  /** Key of the derived route that was last looked up; 0 with patterns. */
  lastKey: number;

  constructor(routes: RouteSlots) {
    this.lastKey = 0;
    this.#routes = routes;
    this.#patterns =
      routes.kind === 'derived'
        ? null
        : routes.routes.map((route) => ({ slot: route.slot, rule: compilePattern(route) }));
    this.#slots = new Map(routes.kind === 'derived' ? routes.routes.map(({ key, slot }) => [key, slot]) : []);
  }

  /** Whether routes are derived from requests, so that unknown ones have to be reported. */
  get isDerived(): boolean {
    return this.#patterns === null;
  }

  /** Name of the slot's route. It is for failures, which are rare, since it may search. */
  nameOf(slot: number): string {
    return nameOfSlot(this.#routes, slot);
  }

  /** Slot of the request's route, 0..64; 64 is shared by all routes without one. Allocates nothing. */
  slotOf(bytes: Uint8Array, head: RequestHead): number {
    if (this.#patterns === null) {
      this.lastKey = routeKey(bytes, head);
      return this.#slots.get(this.lastKey) ?? other;
    }
    for (let index = 0; index < this.#patterns.length; index++) {
      const pattern = this.#patterns[index];
      if (pattern !== undefined && matchesRule(pattern.rule, bytes, head)) return pattern.slot;
    }
    return other;
  }
}

function compilePattern({ name, host, pathPrefix, methods }: RoutePattern): CompiledRule {
  return compileRule({ name, cluster: 'x', host, pathPrefix, methods, header: null });
}

/** End of the first path segment, which is `/users` in `/users/7?x=1`. */
function segmentEnd(bytes: Uint8Array, head: RequestHead): number {
  let at = head.pathStart + 1;
  while (at < head.pathEnd && bytes[at] !== slash && bytes[at] !== question) at++;
  return Math.min(at, head.pathEnd);
}

/** FNV-1a hash (int32) of the host, without case and port, and the first path segment. */
export function routeKey(bytes: Uint8Array, head: RequestHead): number {
  let hash = fnvOffset;
  const hostEnd = hostNameEnd(bytes, head.hostStart, head.hostEnd);
  for (let at = head.hostStart; at < hostEnd; at++) {
    const byte = bytes[at] as number;
    hash = Math.imul(hash ^ (byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte), fnvPrime);
  }
  const end = segmentEnd(bytes, head);
  for (let at = head.pathStart; at < end; at++) hash = Math.imul(hash ^ (bytes[at] as number), fnvPrime);
  return hash;
}

/** Name of the derived route, such as `api.example.com/users`. */
export function routeName(bytes: Uint8Array, head: RequestHead): string {
  const text = (from: number, to: number) => String.fromCharCode(...bytes.subarray(from, to));
  const host = text(head.hostStart, hostNameEnd(bytes, head.hostStart, head.hostEnd)).toLowerCase();
  return `${host}${text(head.pathStart, Math.min(segmentEnd(bytes, head), head.pathStart + 64))}`;
}

/**
 * The key of a derived route, from its name. A name shows only the beginning of a very long path segment; its
 * route has another key, which cannot be found from the name.
 */
export function routeKeyOfName(name: string): number {
  let hash = fnvOffset;
  for (let at = 0; at < name.length; at++) hash = Math.imul(hash ^ name.charCodeAt(at), fnvPrime);
  return hash;
}
