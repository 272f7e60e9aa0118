import { nameOfRange } from '@ports/core'
import { z } from 'zod'
import { project } from '../arguments.js'
import { defineTool } from '../defineTool.js'
import { projectNameOf } from '../placeOf.js'

export const createRange = defineTool({
  name: 'create-range',
  title: 'Give a new project a range',
  description:
    'Gives a project that has no port range the lowest free one. Only for a project that is new; ' +
    'one that has a range keeps it.',
  annotations: {
    readOnlyHint: false,
    destructiveHint: false,
    idempotentHint: true,
    openWorldHint: false,
  },
  input: z.strictObject({
    ...project,
    size: z
      .number()
      .meta({ type: 'integer', minimum: 1, maximum: 1000 })
      .optional()
      .describe('How many ports; leave it out unless the user names a size'),
    description: z.string().optional().describe('What the project is'),
  }),
  output: z.object({
    message: z.string(),
    projectName: z.string(),
    startPort: z.number(),
    endPort: z.number(),
    created: z.boolean(),
  }),
  async run(manager, { size, description, ...given }, call, root) {
    const projectName = await projectNameOf(given, root)
    const block = { size, description }
    const { range, created } = await manager.ensureRange(projectName, block, call)
    const { startPort, endPort } = range
    return {
      message: created
        ? `${projectName} now has the range ${nameOfRange(range)}.`
        : `${projectName} has a range already: ${nameOfRange(range)}.`,
      projectName,
      startPort,
      endPort,
      created,
    }
  },
})
