// What the operator says about routing, as plain data: the input of compileRouting. How it is written in YAML is in config/.

/** Pins matching requests to a cluster; all given conditions must hold. The first matching rule wins. */
export interface RoutingRule {
  readonly name: string;
  readonly cluster: 'x' | 'y';
  /** Exact host, or `*.example.com` for every name below it; compared without case, port and trailing dot. */
  readonly host: string | null;
  /** Prefix of the path's bytes that ends at a segment boundary: `/api` covers `/api`, `/api/…` and `/api?…`, not `/apix`. */
  readonly pathPrefix: string | null;
  /** Methods, exact case (methods are case-sensitive, RFC 9110 9.1). */
  readonly methods: readonly string[] | null;
  /** A field of this name; with a value, one whose value has exactly these bytes. */
  readonly header: { readonly name: string; readonly value: string | null } | null;
}

export type StickyMode =
  | { readonly kind: 'none' }
  | { readonly kind: 'clientIp' }
  | { readonly kind: 'header'; readonly name: string }
  | { readonly kind: 'cookie'; readonly name: string };

/** CIDR block: network address bytes (4 or 16), bits beyond the prefix cleared, and prefix length in bits. */
export interface Cidr {
  readonly bytes: readonly number[];
  readonly prefix: number;
}

export interface OverrideOptions {
  /** Lower-case field name. */
  readonly header: string;
  readonly secret: string;
}

export interface RoutingOptions {
  readonly sticky: StickyMode;
  readonly rules: readonly RoutingRule[];
  /** Null: off. */
  readonly override: OverrideOptions | null;
}
