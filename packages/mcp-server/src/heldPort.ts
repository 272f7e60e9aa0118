import { PROTOCOLS } from '@ports/core'
import { z } from 'zod'

export const heldPort = z.object({
  message: z.string(),
  port: z.number(),
  projectName: z.string(),
  serviceName: z.string(),
  instance: z.string().optional(),
  directory: z.string().optional().describe('Where that copy of the project is'),
  hostname: z.string(),
  protocol: z.enum(PROTOCOLS),
})
