import { type Metadata, type MetadataChange, PROTOCOLS, type Selection } from '@ports/core'
import { z } from 'zod'

/** One schema for every field of a type of the core, so that a new or changed field is noticed. */
type ShapeOf<T> = { readonly [Field in keyof Required<T>]: z.ZodType<T[Field]> }

export const projectName = z.string().describe('The project, e.g. consilio')

export const service = {
  projectName,
  serviceName: z.string().describe('The service within the project, e.g. api'),
  instance: z
    .string()
    .optional()
    .describe('Copy of the project, e.g. a git worktree; default: the primary one'),
}

// The core says what a port may be; here it is only advertised.
export const portNumber = z.number().meta({ type: 'integer', minimum: 1, maximum: 65535 })

const hostname = z.string().optional().describe('Host of the service; default: this machine')

export const scope = {
  hostname,
  protocol: z.enum(PROTOCOLS).optional().describe('Default: tcp'),
}

/** Which of a service's ports are meant. */
export const selection = {
  ...service,
  hostname,
  protocol: z.enum(PROTOCOLS).optional().describe('Default: both'),
  portNumber: portNumber.optional().describe('Default: all its ports'),
} satisfies ShapeOf<Omit<Selection, 'hostname' | 'instance'>> & {
  hostname: z.ZodType<string | undefined>
  instance: z.ZodType<string | undefined>
}

export type Selected = z.output<z.ZodObject<typeof selection>>

export const metadata = {
  serviceType: z.string().optional().describe('Kind of service, e.g. http, websocket, database'),
  description: z.string().optional().describe('What it is for'),
  cloudflareHostname: z.string().optional().describe('Public hostname that leads to it'),
} satisfies ShapeOf<Metadata>

export const metadataChange = {
  serviceType: z.string().nullable().optional(),
  description: z.string().nullable().optional(),
  cloudflareHostname: z.string().nullable().optional(),
} satisfies ShapeOf<MetadataChange>
