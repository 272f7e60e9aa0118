import { type Metadata, type MetadataChange, PROTOCOLS, type Selection } from '@ports/core'
import { z } from 'zod'

/** One schema for every field of a type of the core, so that a new or changed field is noticed. */
type ShapeOf<T> = { readonly [Field in keyof Required<T>]: z.ZodType<T[Field]> }

export const projectName = z.string().describe('The project, e.g. consilio')

/** A directory may name the project instead. */
export const project = {
  projectName: projectName.optional().describe('The project, e.g. consilio'),
  directory: z
    .string()
    .optional()
    .describe(
      'Absolute path where you work; a ports.json there or above sets project and instance',
    ),
}

export const service = {
  ...project,
  serviceName: z.string().describe('The service within the project, e.g. api'),
  instance: z
    .string()
    .optional()
    .describe('Copy of the project, e.g. a git worktree, or (primary); default: that of directory'),
}

// The core decides what a port may be. This only advertises it.
export const portNumber = z.number().meta({ type: 'integer', minimum: 1, maximum: 65535 })

export const ttlSeconds = z
  .number()
  .optional()
  .meta({ type: 'integer', minimum: 1, maximum: 31_536_000 })

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
} satisfies { readonly [Field in keyof Required<Selection>]: z.ZodType }

type GivenSelection = z.output<z.ZodObject<typeof selection>>

/** A selection in a project that is known by now. */
export type Selected = Omit<GivenSelection, keyof typeof project> & { readonly projectName: string }

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
