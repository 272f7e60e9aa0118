import { describe, expect, it } from 'vitest'
import { excerpt } from '../src/excerpt.js'
import { nearestName, validName } from '../src/name.js'

describe('the name to use instead of', () => {
  it.each([
    ['@acme/web', 'acme-web'],
    ['feature/login', 'feature-login'],
    ['My Project', 'My-Project'],
    ['my  --  project', 'my-project'],
    ['Café.Größe_2', 'Cafe.Gro-e_2'],
    ['ｗｅｂ', 'web'],
    ['-web-', 'web'],
    ['_web_', 'web_'],
    ['.git', 'git'],
    ['../../etc/passwd', 'etc-passwd'],
    ['web\n', 'web'],
    ["'; drop table ports; --", 'drop-table-ports'],
    ['a'.repeat(64), 'a'.repeat(63)],
    [`${'a'.repeat(62)} b`, 'a'.repeat(62)],
    [`${'/'.repeat(10_000)}web`, 'web'],
  ])('%j is %s', (text, name) => {
    expect(nearestName(text)).toBe(name)
    expect(() => validName('serviceName', text)).toThrow(
      expect.objectContaining({
        code: 'INVALID_ARGUMENT',
        message: expect.stringMatching(new RegExp(`, such as ${name}\\.$`)),
        details: { field: 'serviceName', value: excerpt(text, 2000), suggestion: name },
      }),
    )
    expect(validName('serviceName', name)).toBe(name)
  })

  it.each(['', ' ', '../', '🦀', '店舗', '---'])('%j is none', (text) => {
    expect(nearestName(text)).toBeUndefined()
    expect(() => validName('serviceName', text)).toThrow(
      expect.objectContaining({ details: { field: 'serviceName', value: text } }),
    )
  })
})
