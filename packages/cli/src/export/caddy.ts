import { isIPv6 } from 'node:net'
import { type PublicService, publicHttpServices } from './publicServices.js'
import type { TargetCommand } from './Target.js'

export const caddy: TargetCommand = {
  name: 'caddy',
  description: 'Caddy: a site for each service with a Cloudflare hostname',
  help: `
The file is a Caddyfile, or part of one by import. Caddy gets certificates for the sites by itself,
for a wildcard only with a DNS provider. A service of the type https is reached by https.

Examples:
  ports export caddy --output /etc/caddy/ports.caddy && systemctl reload caddy
  ports export caddy shop > Caddyfile`,
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
