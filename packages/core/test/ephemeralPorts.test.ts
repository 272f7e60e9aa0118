import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { ephemeralOverlap } from '../src/listeners/ephemeralPorts.js'

/** A kernel's settings, in the files in which Linux has them. */
async function settings(range: string, reserved: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'ipv4-'))
  onTestFinished(() => rm(directory, { recursive: true }))
  await writeFile(join(directory, 'ip_local_port_range'), range)
  await writeFile(join(directory, 'ip_local_reserved_ports'), reserved)
  return directory
}

const overlapOf = async (startPort: number, endPort: number, reserved = '') =>
  ephemeralOverlap([{ startPort, endPort }], await settings('32768\t60999\n', `${reserved}\n`))

describe('ephemeralOverlap', () => {
  it.each([
    [3000, 3099],
    [1, 32_767],
    [61_000, 65_535],
  ])('is nothing for %i-%i, which no outgoing connection gets', async (start, end) => {
    expect(await overlapOf(start, end)).toBeUndefined()
  })

  it.each([
    [40_000, 40_019, '40000-40019'],
    [32_000, 32_768, '32768'],
    [60_999, 65_535, '60999'],
    [1, 65_535, '32768-60999'],
  ])('of %i-%i is %s', async (start, end, exposed) => {
    const ephemeral = { startPort: 32_768, endPort: 60_999 }
    expect(await overlapOf(start, end)).toEqual({ ephemeral, exposed, reservedPorts: exposed })
  })

  it('leaves out what is reserved, and keeps that in the new value', async () => {
    expect(await overlapOf(40_000, 40_019, '8080,40005-40009,50000')).toMatchObject({
      exposed: '40000-40004,40010-40019',
      reservedPorts: '8080,40000-40019,50000',
    })
    expect(await overlapOf(40_000, 40_019, '39990-40100')).toBeUndefined()
  })

  it('of several ranges is one value for all', async () => {
    const ranges = [40_010, 32_700, 40_000].map((startPort) => ({
      startPort,
      endPort: startPort + 99,
    }))
    expect(
      await ephemeralOverlap(ranges, await settings('32768\t60999\n', '50000\n')),
    ).toMatchObject({
      exposed: '32768-32799,40000-40109',
      reservedPorts: '32768-32799,40000-40109,50000',
    })
  })

  it('is undefined if the system has no such settings', async () => {
    const range = { startPort: 40_000, endPort: 40_019 }
    expect(await ephemeralOverlap([range], join(tmpdir(), 'no-such-settings'))).toBeUndefined()
    expect(await ephemeralOverlap([range], await settings('', ''))).toBeUndefined()
  })
})
