import { EmbeddedServer, InstalledServer, type Server } from '@ports/testkit'
import type { Options } from './options.js'

/** The server that everything is measured on. A foreign one is left running. */
export function chooseServer(
  { server: url, postgres }: Options,
  home: string,
): Pick<Server, 'start' | 'stop' | 'url'> {
  if (url !== undefined) return { url, start: async () => {}, stop: async () => {} }
  return postgres === undefined ? new EmbeddedServer(home) : new InstalledServer(home, postgres)
}
