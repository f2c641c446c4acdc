// What the benchmark needs to know about a proxy under test.
export interface PeerSetup {
  /** The port to listen on, on 127.0.0.1. */
  readonly port: number;
  /** A second port, for those that have a control endpoint. */
  readonly controlPort: number;
  /** Ports of the two upstreams; Y is to get 10 %. */
  readonly portX: number;
  readonly portY: number;
  /** A directory of its own for configuration, logs and pid files. */
  readonly directory: string;
  /** Connections it must be able to hold. */
  readonly connections: number;
  /** Its event loops, where their number can be set. */
  readonly workers: number;
}

export interface Peer {
  readonly name: string;
  /** Where its process runs; without one, in `directory` of its setup. */
  readonly workingDirectory?: string;
  /** Version, or null when it is not installed. */
  version(): string | null;
  /** Writes the configuration and returns the command that runs the proxy in the foreground. */
  prepare(setup: PeerSetup): readonly string[];
  /** What is still to be done once it answers. */
  afterStart?(setup: PeerSetup): Promise<void>;
}

/** Y's share in every proxy, per cent. */
export const sharePercentY = 10;
