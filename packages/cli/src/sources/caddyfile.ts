import { nearestName } from '@ports/core'
import { type Directive, readDirectives, type Token } from './caddyTokens.js'
import { Findings, type SourceFile } from './Findings.js'
import { isThisHost, portIn } from './portIn.js'

/** The service that has the ports of site addresses. */
const CADDY = 'caddy'

/** Directives whose arguments are upstreams, after a matcher. */
const DIALS = ['reverse_proxy', 'php_fastcgi', 'forward_auth']

const ADMIN_PORT = 2019

/** `[scheme://][host][:port][/path]` */
const ADDRESS = /^(?:\w+:\/\/)?(?<host>\[[^\]]*\]|[^:/]*)(?::(?<port>[^/]*))?(?:\/.*)?$/

/** `[scheme://][host][:port]`, or with `tcp/` before. */
const UPSTREAM = /^(?:tcp\/|\w+:\/\/)?(?<host>\[[^\]]*\]|[^:/]*)(?::(?<port>[^/]*))?$/

/** The upstreams of a Caddyfile that are on this host, and the ports that Caddy itself listens on. */
export function readCaddyfile(file: SourceFile): Findings {
  return new Caddyfile().read(readDirectives(file))
}

interface Site {
  /** Undefined if its addresses name no host. */
  readonly host: string | undefined
  /** Its first address. */
  readonly address: string
}

class Caddyfile {
  readonly #found = new Findings()
  readonly #own: { readonly place: string; readonly portNumber: number }[] = []

  read(directives: readonly Directive[]): Findings {
    const hasOptions = directives[0]?.words.length === 0
    const sites = hasOptions ? directives.slice(1) : directives
    for (const [index, directive] of sites.entries()) {
      if (this.#isApart(directive)) continue
      const isWhole = directive.block === undefined
      this.#readSite(directive, directive.block ?? sites.slice(index + 1))
      // A file with one site needs no braces.
      if (isWhole) break
    }
    // After the upstreams: a number that both have belongs to the upstream's service.
    this.#readOptions(hasOptions ? directives[0] : undefined)
    for (const { place, portNumber } of this.#own) {
      this.#found.addOnce(place, { serviceName: CADDY, portNumber, protocol: 'tcp' })
    }
    return this.#found
  }

  /** A snippet, a named route or an import. */
  #isApart({ words, line }: Directive): boolean {
    const name = words[0]?.text ?? ''
    if (/^&?\(.*\)$/.test(name)) {
      this.#found.skip(`line ${line}`, `${name} is a snippet or a named route, which is not read`)
      return true
    }
    return this.#isImport(name, words, line)
  }

  #isImport(name: string, words: readonly Token[], line: number): boolean {
    if (name !== 'import') return false
    const what = words.map(({ text }) => text).join(' ')
    this.#found.skip(`line ${line}`, `${what} is not followed`)
    return true
  }

  #readOptions(options: Directive | undefined): void {
    const named = (name: string) => options?.block?.find(({ words }) => words[0]?.text === name)
    for (const name of ['http_port', 'https_port']) {
      const option = named(name)
      if (option) this.#addOwn(`line ${option.line}`, option.words[1]?.text ?? '', name)
    }
    const admin = named('admin')
    const address = admin?.words[1]?.text
    if (address === 'off') return
    if (admin && address !== undefined) {
      const port = ADDRESS.exec(address)?.groups?.port ?? ''
      this.#addOwn(`line ${admin.line}`, port, `admin ${address}`)
    } else {
      this.#found.skip('line 1', `Caddy's admin interface uses ${ADMIN_PORT} by default`)
    }
  }

  #addOwn(place: string, port: string, what: string): void {
    const portNumber = portIn(port)
    if (portNumber === undefined) this.#found.skip(place, `${what} does not name a single port`)
    else this.#own.push({ place, portNumber })
  }

  #readSite({ words }: Directive, directives: readonly Directive[]): void {
    const addresses = words
      .flatMap(({ text, line }) => text.split(',').map((address) => ({ address, line })))
      .filter(({ address }) => address !== '')
    const hosts: string[] = []
    for (const { address, line } of addresses) {
      if (address.includes('{')) {
        this.#found.skip(`line ${line}`, `${address} has a placeholder`)
        continue
      }
      const { host = '', port } = ADDRESS.exec(address)?.groups ?? {}
      if (host !== '') hosts.push(host)
      if (port !== undefined) this.#addOwn(`line ${line}`, port, address)
      else
        this.#found.skip(
          `line ${line}`,
          `${address} names no port; Caddy uses 80 and 443 by default`,
        )
    }
    const site = { host: hosts[0], address: addresses[0]?.address ?? '' }
    this.#readDirectives(site, directives, '')
  }

  /** @param path the one that the enclosing directives are limited to */
  #readDirectives(site: Site, directives: readonly Directive[], path: string): void {
    for (const { words, line, block = [] } of directives) {
      const [name = '', first = '', ...others] = words.map(({ text }) => text)
      if (this.#isImport(name, words, line)) continue
      const hasMatcher = /^[/@*]/.test(first)
      const ownPath = first.startsWith('/') ? first : path
      if (DIALS.includes(name)) {
        const args = hasMatcher ? others : first === '' ? [] : [first, ...others]
        for (const text of args) this.#addUpstream(site, ownPath, text, line)
        for (const option of block) this.#readOption(site, ownPath, option)
      }
      this.#readDirectives(site, block, ownPath)
    }
  }

  /** An option in the block of a directive that dials. */
  #readOption(site: Site, path: string, { words, line }: Directive): void {
    const [name, ...args] = words.map(({ text }) => text)
    if (name === 'to') for (const text of args) this.#addUpstream(site, path, text, line)
    if (name === 'dynamic')
      this.#found.skip(`line ${line}`, `${args[0]} finds its upstreams at run time`)
  }

  #addUpstream({ host, address }: Site, path: string, text: string, line: number): void {
    const place = `line ${line}`
    const reason = faultOf(text)
    if (reason !== undefined) {
      this.#found.skip(place, `${text} ${reason}`)
      return
    }
    const portNumber = portIn(UPSTREAM.exec(text)!.groups!.port!)!
    const serviceName = host === undefined ? undefined : nearestName(`${host}${path}`)
    if (serviceName === undefined) {
      this.#found.skip(
        place,
        `${address} names no host, so the service on ${portNumber} has no name`,
      )
    } else {
      this.#found.addOnce(place, { serviceName, portNumber, protocol: 'tcp' })
    }
  }
}

/** Why an upstream is not a port of this host. Undefined if it is one. */
function faultOf(upstream: string): string | undefined {
  if (upstream.includes('{')) return 'has a placeholder'
  if (/^unix/.test(upstream)) return 'is a Unix socket'
  if (/^srv\+/.test(upstream)) return 'is looked up in DNS'
  const { host, port } = UPSTREAM.exec(upstream)?.groups ?? {}
  if (host === undefined) return 'is not a known form of upstream'
  if (host !== '' && !isThisHost(host)) return 'is not this host'
  if (port === undefined) return 'names no port'
  if (/^\d+-\d+$/.test(port)) return 'is a range'
  return portIn(port) === undefined ? 'has no port from 1 to 65535' : undefined
}
