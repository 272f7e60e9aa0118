import { portsIn } from '@ports/testkit'
import { databaseWithOwnNumbers, projectDirectory } from '@ports/testkit/vitest'

export const SHOP = { 'ports.json': { project: 'shop', services: { web: {}, api: {} } } }

/** A checkout of shop with ports for its services, and the commands in it. */
export async function shop() {
  const url = await databaseWithOwnNumbers('shop', 'blog')
  const directory = projectDirectory(SHOP)
  const ports = portsIn(directory, url)
  const web = Number((await ports('get', 'web')).stdout)
  const explain = async (what: string, ...options: string[]) =>
    JSON.parse((await ports('explain', what, '--json', ...options)).stdout)
  return { url, directory, ports, web, explain }
}
