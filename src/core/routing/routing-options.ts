// The routing options of the configuration, as compileRouting takes them. config/schema-routing.ts has how
// they are written in YAML.

/** Sends matching requests to one cluster. All conditions must hold; the first rule that matches counts. */
export interface RoutingRule {
  readonly name: string;
  readonly cluster: 'x' | 'y';
  /** A host, or `*.example.com` for every name below it. Case, port and a dot at the end are ignored. */
  readonly host: string | null;
  /**
   * Beginning of the path, up to the end of a segment: `/api` matches `/api`, `/api/…` and `/api?…`, not
   * `/apix`.
   */
  readonly pathPrefix: string | null;
  /** Methods, which are case-sensitive (RFC 9110 9.1). */
  readonly methods: readonly string[] | null;
  /** A field that must be there, with exactly this value unless it is null. */
  readonly header: { readonly name: string; readonly value: string | null } | null;
}

export type StickyMode =
  | { readonly kind: 'none' }
  | { readonly kind: 'clientIp' }
  | { readonly kind: 'header'; readonly name: string }
  | { readonly kind: 'cookie'; readonly name: string };

/**
 * A CIDR block: 4 or 16 bytes of the network's address, with the bits after the prefix cleared, and the
 * prefix's length in bits.
 */
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
  /** Null when it is off. */
  readonly override: OverrideOptions | null;
}
