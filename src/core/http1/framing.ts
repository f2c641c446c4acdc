// Small constants that several files of the codec share: how a body ends (RFC 9112 6), and the kinds of
// Connection lines.

/** What ends a body (RFC 9112 6.3). Only a response can end with the connection (`close`). */
export const Framing = { none: 0, length: 1, chunked: 2, close: 3 } as const;
export type Framing = (typeof Framing)[keyof typeof Framing];

/** The Connection line that is added to a response head. */
export const ConnectionHeader = { none: 0, close: 1, keepAlive: 2, upgrade: 3 } as const;
export type ConnectionHeader = (typeof ConnectionHeader)[keyof typeof ConnectionHeader];

/** Numbers per field in `fields`: nameStart, nameEnd, valueStart, valueEnd, kind. */
export const FIELD_STRIDE = 5;
