import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { portsIn } from '@ports/testkit'
import { databaseWithOwnNumbers, projectDirectory } from '@ports/testkit/vitest'
import { onTestFinished } from 'vitest'

export const SHOP = { 'ports.json': { project: 'shop', services: { web: {}, api: {} } } }

/** A server that listens on a port, and is ended with the test. */
export async function serverIn(
  directory: string,
  port: number,
  { host = '127.0.0.1' }: { host?: string } = {},
): Promise<number> {
  const program = `
    require('net').createServer().listen({ port: ${port}, host: '${host}' }, () => {
      process.stdout.write('up')
    })`
  const child = spawn(process.execPath, ['-e', program], { cwd: directory, stdio: 'pipe' })
  onTestFinished(() => {
    child.kill()
  })
  await once(child.stdout, 'data')
  return child.pid!
}

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
