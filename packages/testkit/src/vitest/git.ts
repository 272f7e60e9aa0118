import { execFileSync } from 'node:child_process'

const OPTIONS = ['-c', 'user.name=Ann', '-c', 'user.email=ann@example.com']

/**
 * Runs Git in a directory, without the settings of this user and of this machine.
 * @throws if it fails, with its output
 */
export function git(directory: string, ...args: readonly string[]): void {
  execFileSync('git', [...OPTIONS, ...args], {
    cwd: directory,
    stdio: 'pipe',
    env: { PATH: process.env.PATH, HOME: directory, GIT_CONFIG_NOSYSTEM: '1' },
  })
}
