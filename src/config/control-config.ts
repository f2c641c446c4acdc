// The control API's part of the resolved configuration: where it listens and who may use it.

/** What a caller may do; each may do what those before it may. */
export const roleNames = ['read', 'operate', 'admin'] as const;
export type Role = (typeof roleNames)[number];

/** Whether a role may do what another one is needed for. */
export const mayAct = (role: Role, needed: Role): boolean =>
  roleNames.indexOf(role) >= roleNames.indexOf(needed);

/** Paths that can be asked without a token: always on loopback, elsewhere those that are listed. */
export const openPaths = ['livez', 'readyz', 'metrics'] as const;
export type OpenPath = (typeof openPaths)[number];

/** Names of files are absolute. */
export interface ControlTls {
  readonly cert: string;
  readonly key: string;
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3';
  /** Clients may show a certificate of this authority in place of a token; null: none is asked for. */
  readonly clientCertificates: { readonly ca: string; readonly role: Role } | null;
}

export interface TcpControlListener {
  readonly kind: 'tcp';
  readonly host: string;
  readonly port: number;
  readonly tls: ControlTls | null;
}

export interface UnixControlListener {
  readonly kind: 'unix';
  /** Absolute. */
  readonly path: string;
  /** Permission bits of the socket file. */
  readonly mode: number;
  /** Name or number of its group; null: the process' own. */
  readonly group: string | null;
  /** What whoever can open the socket may do without a token; null: nothing. */
  readonly role: Role | null;
}

export type ControlListener = TcpControlListener | UnixControlListener;

export interface ControlConfig {
  /** The admin token named `token`; null without one. */
  readonly token: string | null;
  /** File of named tokens, absolute; null without one. */
  readonly tokens: string | null;
  /** How people reach the control API; null when it was not told. */
  readonly url: string | null;
  /** Further host names under which it is asked. */
  readonly hosts: readonly string[];
  /** What needs no token beyond loopback either. */
  readonly open: readonly OpenPath[];
}

/** Permission bits that let anybody but the owner open a socket. */
const othersMask = 0o066;

/**
 * What a socket of this mode gives where the config does not say: all to its owner, nothing to a wider
 * circle.
 */
export const roleBySocketMode = (mode: number): Role | null => ((mode & othersMask) === 0 ? 'admin' : null);
