import type { PortManager, WriteOptions } from '@ports/core'
import { type ZodObject, z } from 'zod'
import type { ClientRoot } from './ClientRoot.js'
import { parseArguments } from './parseArguments.js'

/**
 * A client's assumptions about a tool. All four are given, because the protocol's defaults assume
 * the worst.
 */
interface ToolAnnotations {
  readonly readOnlyHint: boolean
  readonly destructiveHint: boolean
  readonly idempotentHint: boolean
  readonly openWorldHint: boolean
}

interface ToolFace {
  readonly name: string
  readonly title: string
  /** Tells a model when to use this tool and when another. */
  readonly description: string
  readonly annotations: ToolAnnotations
}

interface ToolDefinition<Input extends ZodObject, Output extends ZodObject> extends ToolFace {
  readonly input: Input
  readonly output: Output
  run(
    manager: PortManager,
    args: z.output<Input>,
    call: WriteOptions,
    root: ClientRoot,
  ): Promise<z.output<Output>>
}

type JsonSchema = { readonly type: 'object'; readonly [key: string]: unknown }

interface ToolListing extends ToolFace {
  readonly inputSchema: JsonSchema
  readonly outputSchema: JsonSchema
}

export interface Tool extends ToolFace {
  /** As `tools/list` shows it. */
  listing(): ToolListing
  /** @throws {PortsError} `INVALID_ARGUMENT` for arguments of the wrong shape, and the manager's */
  call(
    manager: PortManager,
    args: unknown,
    call: WriteOptions,
    root: ClientRoot,
  ): Promise<Record<string, unknown>>
}

export function defineTool<Input extends ZodObject, Output extends ZodObject>(
  definition: ToolDefinition<Input, Output>,
): Tool {
  const { input, output, run, ...face } = definition
  return {
    ...face,
    listing: () => ({
      ...face,
      inputSchema: jsonSchema(input, 'input'),
      outputSchema: jsonSchema(output, 'output'),
    }),
    call: async (manager, args, call, root) =>
      run(manager, parseArguments(input, args), call, root),
  }
}

/**
 * Every model pays for every byte of this, so it leaves out everything that clients do not need. No
 * type is a list with null in it, because some models' interfaces refuse that. The schema therefore
 * does not say that an argument may be null, and has no type for a result that may be null.
 */
function jsonSchema(schema: ZodObject, io: 'input' | 'output'): JsonSchema {
  const { $schema, ...rest } = z.toJSONSchema(schema, {
    io,
    override: ({ jsonSchema }) => {
      if (io === 'output') delete jsonSchema.additionalProperties
      const [type, none] = jsonSchema.anyOf ?? []
      if (none?.type !== 'null') return
      delete jsonSchema.anyOf
      if (io === 'input') Object.assign(jsonSchema, type)
    },
  })
  return { ...rest, type: 'object' }
}
