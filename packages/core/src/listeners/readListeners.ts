import { Listeners } from './Listeners.js'
import { readNetstat } from './netstat.js'
import { readProcNet } from './procNet.js'

/** The sockets of this host now, or undefined if they cannot be seen. */
export async function readListeners(): Promise<Listeners | undefined> {
  const sockets = await readPlatform()
  return sockets && new Listeners(sockets)
}

async function readPlatform() {
  switch (process.platform) {
    case 'linux':
      return readProcNet()
    case 'darwin':
      return readNetstat()
  }
}
