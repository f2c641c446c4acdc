// The schema of the configuration file: what may be written, with defaults and meanings. Types, validation,
// defaults, the JSON Schema for editors and the tables of docs/config.md are made from it. The larger
// sections are in files of their own (schema-*.ts); resolve.ts has how values are resolved.
import { type Static, Type } from 'typebox';
import { workersMax } from '#src/limits.ts';
import { control, controlListen } from './schema-control.ts';
import type { SchemaNode } from './schema-node.ts';
import { failover, health, limits, timeouts } from './schema-proxy.ts';
import { rollout, thresholds } from './schema-rollout.ts';
import { routing } from './schema-routing.ts';
import { gates, metrics, notifications, outgoing, windows } from './schema-signals.ts';
import { address, choice, hints, secret, section } from './schema-values.ts';

const cluster = (name: string, which: string, use: string) =>
  section(`Cluster ${name.toUpperCase()}, the ${which} one.`, {
    label: Type.String({
      default: name,
      minLength: 1,
      maxLength: 64,
      pattern: '^[^\\x00-\\x1f\\x7f]*$',
      description:
        'What people call it, such as `kong-3.4`; shown in status and reports, and sent to gates and receivers.',
      ...hints('text', 'a text of 1 to 64 characters'),
    }),
    nodes: Type.Array(Type.String(hints('URL', 'text: http://host:port')), {
      minItems: 1,
      maxItems: 64,
      description: 'Proxy ports of its Kong nodes, each as `http://host:port`.',
      ...hints('list of URLs', 'a list of 1 to 64 nodes, each http://host:port'),
    }),
    admin: Type.Optional(
      Type.String({
        description: `Kong's Admin API of this cluster, \`http://\` or \`https://\`. ${use}`,
        ...hints('URL', 'an http:// or https:// URL'),
      }),
    ),
    adminToken: secret(
      'Sent to the Admin API as `Kong-Admin-Token`, where Kong asks for one (RBAC). Empty: none is sent.',
    ),
  });

/** The file with every default filled in. */
const filledSchema = section('Configuration of Crossover.', {
  listen: section('Where Crossover listens.', {
    proxy: address('Client traffic.', '0.0.0.0:8000'),
    shared: Type.Boolean({
      default: false,
      description:
        'Whether another process may listen on the port of `listen.proxy` too, and get a part of the connections; else this one does not start beside it. For Linux and FreeBSD.',
      ...hints('`true` or `false`', 'true or false'),
    }),
    control: controlListen,
    admin: Type.Optional(
      address("Kept for a guarded copy of X's Kong Admin API; checked, but nothing listens there yet."),
    ),
  }),
  workers: Type.Union([Type.Literal('auto'), Type.Integer({ minimum: 1, maximum: workersMax })], {
    default: 'auto',
    description: 'Proxy threads; `auto` is one per available core.',
    ...hints('whole number or `auto`', `auto or a whole number from 1 to ${workersMax}`),
  }),
  transport: choice(
    ['auto', 'stream'],
    'auto',
    "How workers use sockets: `auto` by Node's TCP handles, which each worker tries at its start, and by those of `node:net` where they do not do what they should; `stream` always by those of `node:net`, at more CPU.",
  ),
  clusters: section('The two clusters.', {
    x: cluster('x', 'old', 'It is asked for its routes, which are then compared one by one.'),
    y: cluster('y', 'new', 'Kept for the upgrade procedure; checked, but nothing asks it yet.'),
  }),
  routing,
  failover,
  health,
  timeouts,
  limits,
  rollout,
  thresholds,
  metrics,
  gates,
  windows,
  notifications,
  outgoing,
  control,
  store: section('What is kept over a restart.', {
    sqlite: Type.String({
      minLength: 1,
      default: './data/crossover.db',
      description:
        'File of the embedded database, relative to the working directory; its folder is made when needed.',
      ...hints('path', 'a path'),
    }),
    key: Type.Optional(
      Type.String({
        minLength: 1,
        description:
          'File with a secret of at least 32 characters that signs the record; else the variable `CROSSOVER_STORE_KEY`, else nothing signs it.',
        ...hints('path', 'a path'),
      }),
    ),
  }),
});

export type WrittenConfig = Static<typeof filledSchema>;

const canBeLeftOut = (node: SchemaNode): boolean =>
  node.default !== undefined || (node.properties !== undefined && (node.required ?? []).length === 0);

/**
 * The schema of the file as it is written: settings with a default may be left out, and sections that need
 * nothing else.
 */
function withoutDefaultsRequired(node: SchemaNode): SchemaNode {
  if (node.properties === undefined) return node;
  const properties = Object.fromEntries(
    Object.entries(node.properties).map(([key, child]) => [key, withoutDefaultsRequired(child)]),
  );
  const required = (node.required ?? []).filter((key) => !canBeLeftOut(properties[key] as SchemaNode));
  return { ...node, properties, required };
}

/** JSON Schema of the file as it is written; write-schema.ts keeps it in schema.json. */
export const configSchema: SchemaNode = withoutDefaultsRequired(
  JSON.parse(JSON.stringify(filledSchema)) as SchemaNode,
);
