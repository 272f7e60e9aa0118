import { expect, test } from 'vitest'
import { z } from 'zod'
import { render } from '../render.js'

// A part of the registry's schema of 2025-12-11, written from its documentation: the fields that are
// used here, with their limits. Unlike the schema, it refuses fields that it does not know.
// https://github.com/modelcontextprotocol/registry/tree/main/docs/reference/server-json

const VERSION = z
  .string()
  .max(255)
  .regex(/^\d/)
  .regex(/^[^\s^~<>=*|]+$/)

const ARGUMENT = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('positional'), value: z.string() }),
  z.strictObject({ type: z.literal('named'), name: z.string(), value: z.string() }),
])

const PACKAGE = z.strictObject({
  registryType: z.literal('npm'),
  identifier: z.string().min(1),
  version: VERSION,
  runtimeHint: z.literal('npx'),
  runtimeArguments: z.array(ARGUMENT),
  transport: z.strictObject({ type: z.literal('stdio') }),
  environmentVariables: z.array(
    z.strictObject({
      name: z.string(),
      description: z.string(),
      isRequired: z.boolean(),
      isSecret: z.boolean().optional(),
    }),
  ),
})

const SERVER = z.strictObject({
  $schema: z.literal(
    'https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json',
  ),
  name: z
    .string()
    .min(3)
    .max(200)
    .regex(/^[a-zA-Z0-9.-]+\/[a-zA-Z0-9._-]+$/),
  title: z.string().min(1).max(100),
  description: z.string().min(1).max(100),
  version: VERSION,
  repository: z.strictObject({ url: z.url(), source: z.literal('github') }),
  packages: z.array(PACKAGE).min(1),
})

test('server.json has the fields that the MCP registry wants', () => {
  const entry = SERVER.parse(JSON.parse(render().get('server.json')!))
  expect(entry.packages.map(({ version }) => version)).toEqual([entry.version])
})
