import { isIPv6 } from 'node:net'
import { type PublicService, publicHttpServices } from './publicServices.js'
import type { Target } from './Target.js'

export const caddy: Target = {
  name: 'caddy',
  description: 'Caddy: a site for each service with a Cloudflare hostname',
  help: `
The file is a Caddyfile, or part of one by import. Caddy gets certificates for the sites unless its
global options have auto_https off, or a wildcard needs a DNS provider.`,
  async render(exported) {
    const { services, omissions } = await publicHttpServices(exported)
    return { whole: services.map(siteOf).join('\n'), services: services.length, omissions }
  },
}

function siteOf({ publicHostname, scheme, addresses, comment }: PublicService): string {
  const name = isIPv6(publicHostname) ? `[${publicHostname}]` : publicHostname
  const upstreams = addresses.map((address) =>
    scheme === 'https' ? `https://${address}` : address,
  )
  return `# ${comment}\n${name} {\n\treverse_proxy ${upstreams.join(' ')}\n}\n`
}
