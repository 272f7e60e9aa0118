import { isIPv6 } from 'node:net'
import { type PublicService, publicHttpServices } from './publicServices.js'
import type { TargetCommand } from './Target.js'

export const caddy: TargetCommand = {
  name: 'caddy',
  description: 'Caddy: a site for each service with a Cloudflare hostname',
  help: `
The file is a Caddyfile, or a part that a Caddyfile imports. Caddy gets the certificates of the sites
by itself. For a wildcard it needs a DNS provider. Caddy uses HTTPS to a service of the type https.

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
