// The part of JSON Schema that the configuration's schema uses.

export interface SchemaNode {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly items?: SchemaNode;
  readonly anyOf?: readonly SchemaNode[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly 'x-type'?: string;
  readonly 'x-expected'?: string;
  readonly 'x-secret'?: boolean;
}
