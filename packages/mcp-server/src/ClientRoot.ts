import { fileURLToPath } from 'node:url'
import type { Server } from '@modelcontextprotocol/sdk/server/index.js'
import { RootsListChangedNotificationSchema } from '@modelcontextprotocol/sdk/types.js'
import { z } from 'zod'

/** A call waits no longer than this for a client that does not answer. */
const TIMEOUT_MS = 3000

/** Laxer than the SDK's schema: what is not used here may be anything. */
const ROOTS = z.looseObject({ roots: z.array(z.looseObject({ uri: z.string() })) })

/**
 * The directory in which the client works, if it has exactly one. Asked for when a call first needs
 * it, and again after the client has said that its roots changed.
 */
export class ClientRoot {
  readonly #server: Server
  #asked: Promise<string | undefined> | undefined

  constructor(server: Server) {
    this.#server = server
    server.setNotificationHandler(RootsListChangedNotificationSchema, () => {
      this.#asked = undefined
    })
  }

  /** Undefined if the client has none or several, or does not tell. */
  async directory(): Promise<string | undefined> {
    if (!this.#server.getClientCapabilities()?.roots) return undefined
    this.#asked ??= this.#ask()
    return this.#asked
  }

  async #ask(): Promise<string | undefined> {
    const request = { method: 'roots/list' } as const
    try {
      const { roots } = await this.#server.request(request, ROOTS, { timeout: TIMEOUT_MS })
      const [only, ...others] = roots.filter(({ uri }) => uri.startsWith('file:'))
      return only && others.length === 0 ? fileURLToPath(only.uri) : undefined
    } catch {
      // It refuses, is silent, or tells what is no path here. A call does without then.
      return undefined
    }
  }
}
